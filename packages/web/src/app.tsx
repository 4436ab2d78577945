// From nothing to somebody who is signed in: reads the page's configuration, finds tokens, connects, and then shows the chat.
import { connect } from "@rookery/client";
import type { Client, Person } from "@rookery/client";
import { useEffect, useState } from "preact/hooks";
import type { JSX } from "preact";
import { createOpenChannels } from "./channels/open-channels.ts";
import { ChatContext } from "./chat.ts";
import type { Chat } from "./chat.ts";
import { Conversation } from "./conversation/conversation.tsx";
import { useObserved } from "./observe.ts";
import { readPageConfig } from "./page-config.ts";
import type { PageConfig } from "./page-config.ts";
import { createRest } from "./rest.ts";
import { createSession, guestTokens, keptTokens, tokensInFragment } from "./session.ts";
import type { Session } from "./session.ts";

type Stage =
  | { readonly at: "starting" }
  | { readonly at: "signing in"; readonly config: PageConfig }
  | { readonly at: "signed in"; readonly chat: Chat };

export function App(): JSX.Element {
  const [stage, setStage] = useState<Stage>({ at: "starting" });
  useEffect(() => {
    begin().then(setStage, console.error);
  }, []);
  if (stage.at === "starting") return <p>…</p>;
  if (stage.at === "signing in") {
    const enter = async (name: string): Promise<void> => {
      const session = createSession(await guestTokens(name), stage.config, localStorage);
      setStage({ at: "signed in", chat: await start(session, stage.config) });
    };
    return <SignIn enter={enter} />;
  }
  return (
    <ChatContext.Provider value={stage.chat}>
      <Main chat={stage.chat} />
    </ChatContext.Provider>
  );
}

async function begin(): Promise<Stage> {
  const config = await readPageConfig();
  const given = tokensInFragment(location.hash);
  if (given) history.replaceState(null, "", location.pathname);
  const tokens = given ?? keptTokens(localStorage);
  if (!tokens && config.signIn === undefined) return { at: "signing in", config };
  return { at: "signed in", chat: await start(createSession(tokens, config, localStorage), config) };
}

async function start(session: Session, config: PageConfig): Promise<Chat> {
  const client = connect({ urls: config.ws, token: () => session.token(), storage: localStorage });
  const rest = createRest(() => session.token());
  const me = await whoAmI(client);
  const channels = createOpenChannels(client, rest, localStorage, me.user);
  channels.open({ id: "lobby", kind: "public" });
  const signOut = (): void => {
    client.close();
    session.signOut().then(() => location.reload(), console.error);
  };
  return { client, rest, me, channels, signOut, tell: console.info };
}

function whoAmI(client: Client): Promise<Person> {
  return new Promise((resolve) => {
    const look = (): void => {
      const me = client.me();
      if (me) resolve(me);
    };
    client.on("state", look);
    look();
  });
}

function SignIn({ enter }: { readonly enter: (name: string) => Promise<void> }): JSX.Element {
  const [name, setName] = useState("");
  const submit = (event: Event): void => {
    event.preventDefault();
    enter(name).catch(console.error);
  };
  return (
    <form onSubmit={submit}>
      <label>
        Your name <input value={name} onInput={({ currentTarget }) => setName(currentTarget.value)} />
      </label>
      <button type="submit">Come in</button>
    </form>
  );
}

function Main({ chat }: { readonly chat: Chat }): JSX.Element {
  const [first] = useObserved(chat.channels.list);
  return first ? <Conversation open={first} /> : <p>No channel</p>;
}
