// The frame that an intent becomes once it is its turn: which message is meant is decided then, by what is shown. Pure but for
// the random id of a message.
import { randomBytes } from "node:crypto";
import type { Position } from "@rookery/protocol";
import { comparePositions } from "@rookery/protocol";
import type { Command } from "./deliveries.ts";
import type { Intent } from "./intents.ts";
import type { Said, Scrollback } from "./scrollback.ts";

/** What an intent may mean without saying so. */
export interface Surroundings {
  readonly channel: string;
  readonly me: string;
  readonly scrollback: Pick<Scrollback, "numbered" | "byId" | "newest">;
  /** The last message that was taken from here, which may not have been shown yet. */
  readonly lastSent: { readonly id: string; readonly position: Position } | undefined;
  readonly ref: string;
}

type OfChannel = Exclude<Intent, { readonly kind: "join" | "help" | "quit" | "mistake" }>;
type Kind = OfChannel["kind"];
type Makers = {
  readonly [K in Kind]: (intent: Extract<OfChannel, { kind: K }>, around: Surroundings) => Command | string;
};

const MAKERS: Makers = {
  send: ({ body }, { channel, ref }) => ({ type: "send", ref, channel, clientId: newClientId(), body }),
  reply: ({ number, body }, around) =>
    about(target(number, around, lastOfOthers), (replyTo) => {
      const { channel, ref } = around;
      return { type: "send", ref, channel, clientId: newClientId(), body, replyTo };
    }),
  edit: ({ number, body }, around) =>
    about(target(number, around, lastOwn), (id) => ({ type: "edit", ...named(around), id, body })),
  delete: ({ number }, around) =>
    about(target(number, around, lastOwn), (id) => ({ type: "delete", ...named(around), id })),
  react: ({ number, emoji }, around) =>
    about(target(number, around, last), (id) => {
      const isMine = around.scrollback.byId(id)?.reactions.get(emoji)?.mine === true;
      return { type: "react", ...named(around), id, emoji, on: !isMine };
    }),
  who: (_intent, around) => ({ type: "members", ...named(around) }),
  leave: (_intent, around) => ({ type: "leave", ...named(around) }),
};

/** A text says why there is nothing to send. */
export function commandOf<K extends Kind>(
  intent: Extract<OfChannel, { kind: K }>,
  around: Surroundings,
): Command | string {
  const kind: K = intent.kind;
  return MAKERS[kind](intent, around);
}

function named({ channel, ref }: Surroundings): { readonly channel: string; readonly ref: string } {
  return { channel, ref };
}

type Target = { readonly id: string } | { readonly missing: string };

function about(found: Target, command: (id: string) => Command): Command | string {
  return "id" in found ? command(found.id) : found.missing;
}

function target(number: number | undefined, around: Surroundings, otherwise: (around: Surroundings) => Target): Target {
  if (number === undefined) return otherwise(around);
  return around.scrollback.numbered(number) ?? { missing: `there is no message #${number} here` };
}

function lastOwn({ scrollback, me, lastSent }: Surroundings): Target {
  const shown = scrollback.newest(({ user }) => user === me);
  if (lastSent !== undefined && (shown === undefined || isBefore(shown, lastSent.position))) return lastSent;
  return shown ?? { missing: "you have no message here; name one by its number" };
}

function lastOfOthers({ scrollback, me }: Surroundings): Target {
  return scrollback.newest(({ user }) => user !== me) ?? { missing: "there is no message of others here" };
}

function last({ scrollback }: Surroundings): Target {
  return scrollback.newest(() => true) ?? { missing: "there is no message here" };
}

function isBefore({ position }: Said, other: Position): boolean {
  return comparePositions(position, other) < 0;
}

/** The same for every repeat of a message: that is what makes them one. */
function newClientId(): string {
  return randomBytes(12).toString("base64url");
}
