// Where a channel is made: its name, who may come in. The id is made of the name until somebody writes another.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { useChat } from "../chat.ts";
import { Dialog } from "../dialog.tsx";
import type { NewChannel } from "../rest.ts";
import { linkTo } from "../route.ts";
import { idFromName, isChannelId } from "./channel-id.ts";
import { wordsOf } from "../words-of.ts";

const KINDS: readonly { readonly kind: NewChannel["kind"]; readonly title: string; readonly says: string }[] = [
  { kind: "public", title: "Public", says: "Everybody finds it and may come in." },
  { kind: "password", title: "With a password", says: "Whoever knows its id and the password may come in." },
  { kind: "private", title: "Private", says: "Only those who are made members see it." },
];

interface Wish {
  readonly name: string;
  /** As it was written; until then the name makes it. */
  readonly id: string | undefined;
  readonly kind: NewChannel["kind"];
  readonly password: string;
}

export function NewChannelDialog({ onClose }: { readonly onClose: () => void }): JSX.Element {
  const { channels, rest } = useChat();
  const [wish, setWish] = useState<Wish>({ name: "", id: undefined, kind: "public", password: "" });
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  const change = (more: Partial<Wish>): void => setWish((last) => ({ ...last, ...more }));
  const id = wish.id ?? idFromName(wish.name);
  const create = async (): Promise<void> => {
    const refusal = refusalOf(wish, id);
    if (refusal !== undefined) throw new Error(refusal);
    const { kind, password } = wish;
    const name = wish.name.trim() === "" ? {} : { name: wish.name.trim() };
    const { info } = channels.open(
      await rest.create({ id, kind, ...name, ...(kind === "password" ? { password } : {}) }),
    );
    location.hash = linkTo(info.id);
    onClose();
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    create().catch((error: unknown) => setTrouble(wordsOf(error)));
  };
  return (
    <Dialog title="New channel" onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <label class="field">
          <span>Name</span>
          <input
            maxLength={64}
            value={wish.name}
            onInput={({ currentTarget }) => change({ name: currentTarget.value })}
          />
        </label>
        <label class="field">
          <span>Id, as in its address</span>
          <input maxLength={64} value={id} onInput={({ currentTarget }) => change({ id: currentTarget.value })} />
        </label>
        <fieldset class="choices">
          <legend>Who may come in</legend>
          {KINDS.map(({ kind, title, says }) => (
            <label key={kind} class="choice">
              <input type="radio" name="kind" checked={wish.kind === kind} onChange={() => change({ kind })} />
              <span>
                {title} <span class="quiet">{says}</span>
              </span>
            </label>
          ))}
        </fieldset>
        {wish.kind === "password" && (
          <label class="field">
            <span>Password</span>
            <input
              type="password"
              autoComplete="new-password"
              value={wish.password}
              onInput={({ currentTarget }) => change({ password: currentTarget.value })}
            />
          </label>
        )}
        {trouble !== undefined && (
          <p role="alert" class="trouble">
            {trouble}
          </p>
        )}
        <button type="submit" class="button">
          Create
        </button>
      </form>
    </Dialog>
  );
}

/** What keeps it from being made, before the api is asked. */
function refusalOf({ kind, password }: Wish, id: string): string | undefined {
  if (!isChannelId(id))
    return "An id begins with a letter or a digit, and has up to 64 letters, digits and _ . : - in it.";
  if (kind === "password" && password === "") return "It needs a password.";
  return undefined;
}
