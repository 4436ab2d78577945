/**
 * Builds every frame the server sends, as JSON text. Sequenced frames are made as two halves around the position, so
 * that the publish script can put the position in; pages join finished frames. Message text is never parsed here.
 */
import type { ChatError } from "./errors.ts";
import { CLOSES } from "./closes.ts";
import { ERRORS } from "./errors.ts";
import type { Meta } from "./client-frames.ts";
import type { Position } from "./position.ts";
import type {
  GapFrame,
  JoinedFrame,
  LeftFrame,
  NoticeFrame,
  PresenceFrame,
  ReactionCount,
  ReadFrame,
  RemovedFrame,
  RightsFrame,
  TypingFrame,
  WelcomeFrame,
} from "./server-frames.ts";

/** A sequenced frame without its position: `head` is what stands before it, `tail` what follows. */
export interface FrameHalves {
  readonly head: string;
  readonly tail: string;
}

/** A position and its time: what the publish script adds to the halves. `at` in ms since the Unix epoch. */
export interface Stamp extends Position {
  readonly at: number;
  /** Given on the first frame of a new epoch: the position it follows. */
  readonly prev?: Position | undefined;
}

/** All that a `message` frame tells besides its position. The fields after `mentions` stand in folded pages only. */
export interface MessageParts {
  readonly channel: string;
  readonly id: string;
  readonly clientId: string;
  readonly user: string;
  readonly name: string;
  /** Left out of the frame when `deleted`, like `meta` and `mentions`. */
  readonly body?: string | undefined;
  readonly replyTo?: string | undefined;
  readonly meta?: Meta | undefined;
  /** User ids; an empty list is left out. */
  readonly mentions?: readonly string[] | undefined;
  readonly deleted?: boolean | undefined;
  readonly editedAt?: number | undefined;
  readonly reactions?: readonly ReactionCount[] | undefined;
  readonly replies?: number | undefined;
}

/** Of an `edited`, `deleted` or `reaction` frame: which message, by whom. */
export interface ChangeParts {
  readonly channel: string;
  /** Id of the message that is changed. */
  readonly id: string;
  readonly user: string;
}

function head(type: string, channel: string): string {
  return `{"type":"${type}","channel":${JSON.stringify(channel)}`;
}

/** `{"type":"message","channel":..` and `,"id":..}`: {@link renderFrame} or the publish script joins them. */
export function messageHalves(m: MessageParts): FrameHalves {
  let tail = `,"id":${JSON.stringify(m.id)},"clientId":${JSON.stringify(m.clientId)},"user":${JSON.stringify(m.user)}`;
  tail += `,"name":${JSON.stringify(m.name)}`;
  const deleted = m.deleted === true;
  if (m.body !== undefined && !deleted) tail += `,"body":${JSON.stringify(m.body)}`;
  if (m.replyTo !== undefined) tail += `,"replyTo":${JSON.stringify(m.replyTo)}`;
  if (m.meta !== undefined && !deleted) tail += `,"meta":${JSON.stringify(m.meta)}`;
  if (m.mentions !== undefined && m.mentions.length > 0 && !deleted)
    tail += `,"mentions":${JSON.stringify(m.mentions)}`;
  if (deleted) tail += `,"deleted":true`;
  if (m.editedAt !== undefined) tail += `,"editedAt":${m.editedAt}`;
  if (m.reactions !== undefined && m.reactions.length > 0) tail += `,"reactions":${JSON.stringify(m.reactions)}`;
  if (m.replies !== undefined && m.replies > 0) tail += `,"replies":${m.replies}`;
  return { head: head("message", m.channel), tail: `${tail}}` };
}

function changeHalves(type: string, c: ChangeParts, rest: string): FrameHalves {
  return {
    head: head(type, c.channel),
    tail: `,"id":${JSON.stringify(c.id)},"user":${JSON.stringify(c.user)}${rest}}`,
  };
}

/** Without `body` the frame is that of an edit whose message has been deleted since. */
export function editedHalves(c: ChangeParts & { readonly body?: string | undefined }): FrameHalves {
  return changeHalves("edited", c, c.body === undefined ? "" : `,"body":${JSON.stringify(c.body)}`);
}

export function deletedHalves(c: ChangeParts): FrameHalves {
  return changeHalves("deleted", c, "");
}

export function reactionHalves(c: ChangeParts & { readonly emoji: string; readonly on: boolean }): FrameHalves {
  return changeHalves("reaction", c, `,"emoji":${JSON.stringify(c.emoji)},"on":${c.on}`);
}

/** The very bytes that the publish script makes of these halves with this stamp. */
export function renderFrame(halves: FrameHalves, stamp: Stamp): string {
  const { prev } = stamp;
  const back = prev === undefined ? "" : `,"prev":{"epoch":${prev.epoch},"seq":${prev.seq}}`;
  return `${halves.head},"epoch":${stamp.epoch},"seq":${stamp.seq},"at":${stamp.at}${back}${halves.tail}`;
}

/** The members of an object as raw JSON without its braces, for {@link encodeOk}; empty for an empty object. */
export function jsonMembers(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(fields).slice(1, -1);
}

function open(type: string, ref: string | undefined): string {
  return ref === undefined ? `{"type":"${type}"` : `{"type":"${type}","ref":${JSON.stringify(ref)}`;
}

/** `ok` with raw JSON members (`"channel":"c","seq":1`, no outer braces, may be empty). Without `ref`: a body of `results`. */
export function encodeOk(ref: string | undefined, fields: string): string {
  return fields === "" ? `${open("ok", ref)}}` : `${open("ok", ref)},${fields}}`;
}

/** Where a `send` stands. `at` in ms since the Unix epoch. */
export interface SentParts {
  readonly channel: string;
  readonly id: string;
  readonly clientId: string;
  readonly position: Position;
  readonly at: number;
  /** Told only where it is true. */
  readonly duplicate: boolean;
}

/** `ok` of a `send`. Written for every message, so field by field: that is half as dear as an object made into JSON. */
export function encodeSent(ref: string, { channel, id, clientId, position, at, duplicate }: SentParts): string {
  const { epoch, seq } = position;
  const named = `"channel":${JSON.stringify(channel)},"id":${JSON.stringify(id)},"clientId":${JSON.stringify(clientId)}`;
  const repeat = duplicate ? ',"duplicate":true' : "";
  return `${open("ok", ref)},${named},"epoch":${epoch},"seq":${seq},"at":${at}${repeat}}`;
}

/** A reply of finished frames, which are joined unparsed. */
export interface PageParts {
  readonly ref?: string | undefined;
  readonly type?: "ok";
  readonly fields: Readonly<Record<string, unknown>>;
  /** Finished frames in ascending order. */
  readonly messages: readonly string[];
  readonly more: boolean;
}

/** `ok` with `fields`, `messages` and `more`. Without `ref` it is a body for {@link encodeResults}. */
export function encodePage(page: PageParts): string {
  return encodeOk(page.ref, pageMembers(page));
}

/** The members of such a reply, for {@link encodeOk}: of those who are given the same page, all that differs is the `ref`. */
export function pageMembers(page: Omit<PageParts, "ref">): string {
  const fields = jsonMembers(page.fields);
  const tail = `"messages":[${page.messages.join(",")}],"more":${page.more}`;
  return fields === "" ? tail : `${fields},${tail}`;
}

/** Answer to a `join` with `joins`: finished `ok` and `error` bodies in the order of the request. */
export function encodeResults(ref: string | undefined, results: readonly string[]): string {
  return encodeOk(ref, `"results":[${results.join(",")}]`);
}

/** `error` with the fate that the table gives to its code. Without `ref` it may also be a body of `results`. */
export function encodeError(error: ChatError, ref?: string): string {
  const { channel, retryAfterMs, until } = error.details;
  const { retry } = ERRORS[error.code];
  const fields = { code: error.code, message: error.message, retry, retryAfterMs, channel, until };
  return `${open("error", ref)},${jsonMembers(fields)}}`;
}

type Fields<F extends { type: string }> = Readonly<Omit<F, "type">>;

function encode(type: string, fields: Readonly<Record<string, unknown>>): string {
  return `${open(type, undefined)},${jsonMembers(fields)}}`;
}

/** A server has the same limits for everybody: they are made text once. */
export function encodeWelcome({ limits, ...fields }: Fields<WelcomeFrame>): string {
  const known = limitTexts.get(limits) ?? JSON.stringify(limits);
  limitTexts.set(limits, known);
  return `${open("welcome", undefined)},${jsonMembers(fields)},"limits":${known}}`;
}

const limitTexts = new WeakMap<WelcomeFrame["limits"], string>();

/** `at` in ms since the Unix epoch. */
export function encodePong(at: number, ref?: string): string {
  return `${open("pong", ref)},"at":${at}}`;
}

export function encodeGap(fields: Fields<GapFrame>): string {
  return encode("gap", { ...fields });
}

export function encodePersisted(channel: string, position: Position): string {
  return `${head("persisted", channel)},"epoch":${position.epoch},"seq":${position.seq}}`;
}

/** The node drains; the client comes back after `afterMs`. */
export function encodeReconnect(afterMs: number): string {
  return encode("reconnect", { afterMs, code: CLOSES.draining.code });
}

export function encodeJoined(fields: Fields<JoinedFrame>): string {
  return encode("joined", { ...fields });
}

export function encodeLeft(fields: Fields<LeftFrame>): string {
  return encode("left", { ...fields });
}

export function encodePresence(fields: Fields<PresenceFrame>): string {
  return encode("presence", { ...fields });
}

export function encodeTyping(fields: Fields<TypingFrame>): string {
  return encode("typing", { ...fields });
}

export function encodeRead(fields: Fields<ReadFrame>): string {
  return encode("read", { ...fields });
}

export function encodeRights(fields: Fields<RightsFrame>): string {
  return encode("rights", { ...fields });
}

export function encodeNotice(fields: Fields<NoticeFrame>): string {
  return encode("notice", { ...fields });
}

export function encodeRemoved(fields: Fields<RemovedFrame>): string {
  return encode("removed", { ...fields });
}
