// Whether a change may happen to a message as it is known, whether it stands already, or what it is to make of it. Called by
// create-changes.ts with what was found; the script says whether that is still so. Pure.
import {
  ChatError,
  comparePositions,
  deletedHalves,
  editedHalves,
  MAX_MESSAGE_EMOJI,
  ORIGIN,
  parsePosition,
  reactionHalves,
} from "@rookery/protocol";
import type { FrameHalves, Position } from "@rookery/protocol";
import type { Told } from "./acts.ts";
import type { ChangeDraft, DeleteDraft, EditDraft, ReactDraft } from "./changes.ts";
import { markField } from "./find-message.ts";
import { fingerprint } from "./known-message.ts";
import type { KnownMessage } from "./known-message.ts";
import type { ChangeEntry } from "./outbox-entry.ts";
import { formatRemovedMessage } from "./removed-message.ts";

/** What change.lua is to write; its header says what each is. */
export interface JudgedChange {
  readonly kind: ChangeEntry["kind"];
  readonly draft: ChangeDraft;
  readonly halves: FrameHalves;
  readonly message: KnownMessage;
  readonly told: string;
  readonly field: string;
  readonly mostEmoji: number;
  readonly ending: string;
  readonly removed: string;
}

export type Verdict =
  | { readonly kind: "stands"; readonly position: Position }
  | { readonly kind: "happens"; readonly change: JudgedChange };

/** Throws the ChatError that refuses it. */
export type Judge<Draft extends ChangeDraft> = (draft: Draft, message: KnownMessage) => Verdict;

/**
 * Of one message may wait for Postgres. A deletion takes every one of them out in one step, in which Redis does nothing else.
 */
export const MOST_UNSAVED_EDITS = 500;

const NOTHING = { field: "", mostEmoji: 0, ending: "", removed: "" };

export const judgeEdit: Judge<EditDraft> = (draft, message) => {
  const { told } = message;
  const { channel, id, user, body } = draft;
  if (told.d !== undefined) throw notFound(channel);
  if (told.u !== user) throw new ChatError("forbidden", "only its author edits a message", { channel });
  const last = told.e === undefined ? undefined : positionOf(told.e);
  const isSame = told.b === undefined ? told.h === fingerprint(id, body) : told.b === body;
  if (isSame) return { kind: "stands", position: last ?? positionOf(told.p) };

  const isLastSaved = last === undefined || comparePositions(last, message.saved) <= 0;
  const unsaved = isLastSaved ? 1 : (told.x ?? 0) + 1;
  if (unsaved > MOST_UNSAVED_EDITS)
    throw new ChatError("overloaded", "too many edits of this message wait to be stored", { channel });
  const next = JSON.stringify({ ...whatItIs(told), b: body, x: unsaved }).slice(1);
  const halves = editedHalves({ channel, id, user, body });
  return { kind: "happens", change: { ...NOTHING, kind: "edited", draft, halves, message, told: next } };
};

export const judgeDelete: Judge<DeleteDraft> = (draft, message) => {
  const { told } = message;
  const { channel, id, user, moderates } = draft;
  if (told.u !== user && !moderates) throw new ChatError("forbidden", "only its author deletes a message", { channel });
  if (told.d !== undefined) return { kind: "stands", position: positionOf(told.d) };

  const { p, v, u, c, n, t, r } = told;
  const prev = v === undefined ? undefined : positionOf(v);
  const removed = formatRemovedMessage({
    ...{ kind: "message", position: positionOf(p), prev, id, user: u, clientId: c, name: n, at: t, replyTo: r },
  });
  const answers = r === undefined ? "" : `,"replyTo":${JSON.stringify(r)}`;
  const change: JudgedChange = {
    ...{ ...NOTHING, kind: "deleted", draft, halves: deletedHalves({ channel, id, user }), message, removed },
    told: JSON.stringify(whatItIs(told)).slice(1),
    ending: `${answers},"deleted":true}`,
  };
  return { kind: "happens", change };
};

export const judgeReact: Judge<ReactDraft> = (draft, message) => {
  const { told, mark } = message;
  const { channel, id, user, emoji, on } = draft;
  if (told.d !== undefined) throw notFound(channel);
  if ((mark?.on ?? false) === on) return { kind: "stands", position: mark?.position ?? positionOf(told.p) };

  const change: JudgedChange = {
    ...{ ...NOTHING, kind: "reaction", draft, halves: reactionHalves({ channel, id, user, emoji, on }), message },
    ...{ told: message.line === "" ? JSON.stringify(told) : message.line, field: markField(emoji, user) },
    mostEmoji: on ? MAX_MESSAGE_EMOJI : 0,
  };
  return { kind: "happens", change };
};

export function notFound(channel: string): ChatError {
  return new ChatError("not_found", "no such message", { channel });
}

/** Nothing of what it says or said. */
function whatItIs({ p, v, u, c, n, t, r }: Told): Told {
  return { p, ...(v !== undefined && { v }), u, c, n, t, ...(r !== undefined && { r }) };
}

function positionOf(written: string): Position {
  return parsePosition(written) ?? ORIGIN;
}
