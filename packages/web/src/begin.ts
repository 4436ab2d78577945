// From nothing to somebody who is signed in: the page's configuration, tokens, the client. Called by `app.tsx`; draws nothing.
import { connect } from "@rookery/client";
import type { Client, Person } from "@rookery/client";
import { createOpenChannels } from "./channels/open-channels.ts";
import type { Chat } from "./chat.ts";
import { browserNotifications, createNotifications } from "./notifications.ts";
import type { PageConfig } from "./page-config.ts";
import { readPageConfig } from "./page-config.ts";
import { linkTo } from "./route.ts";
import { createRest } from "./rest.ts";
import {
  createSession,
  guestTokens,
  isSignInFragment,
  keptTokens,
  nextTokens,
  oneTabAtATime,
  SignedOut,
  tokensInFragment,
} from "./session.ts";
import type { Session, Tokens } from "./session.ts";
import { createTheme } from "./theme.ts";
import { createToasts } from "./toasts.tsx";
import { browserStorage, tabStorage } from "./storage.ts";

export type Stage =
  | { readonly at: "starting" }
  | { readonly at: "guest"; readonly config: PageConfig }
  | { readonly at: "signed out"; readonly location: string | undefined }
  | { readonly at: "trouble"; readonly text: string }
  | { readonly at: "signed in"; readonly chat: Chat };

type Show = (stage: Stage) => void;

const places = { tab: tabStorage, browser: browserStorage };

/** Shows one stage after the other; the last may change again when a session ends. */
export async function begin(show: Show): Promise<void> {
  const config = await readPageConfig();
  const given = tokensInFragment(location.hash);
  // A token is not to stay where it is seen, copied and kept as history.
  if (isSignInFragment(location.hash)) history.replaceState(null, "", location.pathname);
  if (given) {
    let wasIn = false;
    await enter(given, config, (stage) => {
      show(isOut(stage) && !wasIn ? { at: "trouble", text: BAD_LINK } : stage);
      wasIn ||= stage.at === "signed in";
    });
    return;
  }
  const tokens = keptTokens(places);
  if (tokens || config.signIn !== undefined) await enter(tokens, config, show);
  else show(config.guest ? { at: "guest", config } : { at: "signed out", location: undefined });
}

const BAD_LINK = "The link that brought you here is no longer good.";

function isOut({ at }: Stage): boolean {
  return at === "guest" || at === "signed out";
}

export async function enterAsGuest(name: string, config: PageConfig, show: Show): Promise<void> {
  await enter(await guestTokens(name), config, show);
}

async function enter(tokens: Tokens | undefined, config: PageConfig, show: Show): Promise<void> {
  const session = createSession({
    ...{ first: tokens, places, nowMs: Date.now, alone: oneTabAtATime },
    follow: (last) => nextTokens(last, config.signIn),
  });
  const { client, me, ended } = await openClient(session, config);
  if (me) {
    session.keep();
    show({ at: "signed in", chat: createChat(session, client, me) });
  }
  ended
    .then((location) => {
      client.close();
      show(config.guest && location === undefined ? { at: "guest", config } : { at: "signed out", location });
    })
    .catch((error: unknown) => show({ at: "trouble", text: String(error) }));
}

interface Opened {
  readonly client: Client;
  /** Undefined when the session ended before anybody was in. */
  readonly me: Person | undefined;
  /** Resolves once nobody can say any more who this is, to where one signs in. */
  readonly ended: Promise<string | undefined>;
}

async function openClient(session: Session, { ws }: PageConfig): Promise<Opened> {
  let shown: string | undefined;
  let end: (location: string | undefined) => void = () => undefined;
  const ended = new Promise<string | undefined>((resolve) => {
    end = resolve;
  });
  // The client asks at its start, when a token is due, and when one was refused: never for the one that it has.
  const token = async (): Promise<string> => {
    try {
      shown = await session.token(shown);
      return shown;
    } catch (error) {
      if (error instanceof SignedOut) end(error.location);
      throw error;
    }
  };
  const client = connect({ urls: ws, token, storage: browserStorage });
  const me = await Promise.race([whoIsIn(client), ended.then(() => undefined)]);
  return { client, me, ended };
}

/** Rejects when the cluster sends this user away before anything else. */
function whoIsIn(client: Client): Promise<Person> {
  return new Promise((resolve, reject) => {
    const stop = client.on("state", ({ state, reason }) => {
      const me = client.me();
      if (me) resolve(me);
      else if (state === "closed")
        reject(new Error(reason === "banned" ? "You are banned." : `Not let in: ${reason}.`));
      else return;
      stop();
    });
  });
}

function createChat(session: Session, client: Client, me: Person): Chat {
  const toasts = createToasts();
  const rest = createRest(session.token);
  client.on("notice", ({ body }) => toasts.tell(body));
  const signOut = (): void => {
    client.close();
    const leave = (): void => location.replace(location.pathname);
    session.signOut().then(leave, leave);
  };
  const channels = createOpenChannels({ client, rest, storage: browserStorage, me });
  const world = browserNotifications((id) => {
    location.hash = linkTo(id);
  });
  return {
    ...{ client, rest, me, signOut, toasts, channels, tell: toasts.tell },
    notifications: createNotifications({ world, channels, me, storage: browserStorage }),
    theme: createTheme(browserStorage, document.documentElement),
  };
}
