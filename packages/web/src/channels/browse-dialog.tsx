// Where other channels are found: public ones by a part of their name, any by its id, and people by theirs.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { Dialog } from "../dialog.tsx";
import { linkTo } from "../route.ts";
import { isChannelId } from "./channel-id.ts";
import { PublicChannels } from "./public-channels.tsx";
import { wordsOf } from "../words-of.ts";

export function BrowseDialog({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const { channels, rest, tell } = useChat();
  const [part, setPart] = useState("");
  const [user, setUser] = useState("");
  const byId = isChannelId(part.trim()) && (
    <a class="button button-quiet" href={linkTo(part.trim())} onClick={onClose}>
      Go to “{part.trim()}”
    </a>
  );
  const meet = (event: Event): void => {
    event.preventDefault();
    const show = ({ id }: { readonly id: string }): void => {
      location.hash = linkTo(id);
      onClose();
    };
    rest
      .direct(user.trim())
      .then(channels.openNamed)
      .then(({ info }) => show(info))
      .catch((error: unknown) => tell(wordsOf(error)));
  };
  return (
    <Dialog title="Browse channels" onClose={onClose}>
      <label class="field">
        <span>Find a channel</span>
        <input type="search" value={part} onInput={({ currentTarget }) => setPart(currentTarget.value)} />
      </label>
      <PublicChannels
        part={part}
        onPick={onClose}
        none={
          <p class="quiet">
            {part.trim() === "" ? "There is no public channel yet." : "No public channel has that in its name."}
          </p>
        }
      />
      {byId}
      <form class="form form-row" onSubmit={meet}>
        <label class="field">
          <span>Write to somebody, by user id</span>
          <input value={user} onInput={({ currentTarget }) => setUser(currentTarget.value)} />
        </label>
        <button type="submit" class="button button-quiet" disabled={user.trim() === ""}>
          Write
        </button>
      </form>
    </Dialog>
  );
}
