// What stands where no channel is shown: where to go on.
import type { JSX } from "preact";
import { useChat } from "../chat.ts";
import type { DialogName } from "./dialog-name.ts";
import { PublicChannels } from "./public-channels.tsx";

export function Home({ show }: { readonly show: (dialog: DialogName) => void }): JSX.Element {
  const { me } = useChat();
  const start = (
    <button type="button" class="button" onClick={() => show("new")}>
      Start a channel
    </button>
  );
  return (
    <main class="home">
      <div class="home-body">
        <h1>
          Welcome, <bdi>{me.name}</bdi>
        </h1>
        <p class="quiet">Pick a channel, or start one and send its link to the others.</p>
        <PublicChannels part="" onPick={() => undefined} none={<p class="quiet">There is no public channel yet.</p>} />
        {start}
      </div>
    </main>
  );
}
