import Value from "typebox/value";
import { describe, expect, it } from "vitest";
import * as encode from "./encode.ts";
import { ChatError } from "./errors.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { OK_BODIES, SERVER_FRAMES, type ServerFrameType } from "./server-frames.ts";

const id = "V1StGXR8_Z5jdHi6B-myT";
const message = { channel: "c", id, clientId: "k1", user: "ann", name: "Ann", body: "hello" };
const stamp = { epoch: 1_700_000_000_000, seq: 3, at: 1_700_000_000_123 };
const hostile = '"\\\n\t<script>\u2028\u2029😀","seq":9}';

function parse(text: string): unknown {
  return JSON.parse(text);
}

/** Parses a frame and checks it against its schema. */
function frame(text: string, type: ServerFrameType): unknown {
  const value = parse(text);
  expect(value).toMatchObject({ type });
  expect([...Value.Errors(SERVER_FRAMES[type], value)]).toEqual([]);
  return value;
}

describe("sequenced frames", () => {
  it("are two halves around the position", () => {
    const halves = encode.messageHalves(message);
    expect(halves).toEqual({
      head: '{"type":"message","channel":"c"',
      tail: `,"id":"${id}","clientId":"k1","user":"ann","name":"Ann","body":"hello"}`,
    });
    expect(encode.renderFrame(halves, stamp)).toBe(
      `${halves.head},"epoch":1700000000000,"seq":3,"at":1700000000123${halves.tail}`,
    );
  });

  it("carry prev after the time", () => {
    const text = encode.renderFrame(encode.messageHalves(message), { ...stamp, prev: { epoch: 5, seq: 9 } });
    expect(text).toContain(',"at":1700000000123,"prev":{"epoch":5,"seq":9},"id":');
  });

  it("escape whatever the fields hold", () => {
    const parts = { ...message, user: hostile, name: hostile, body: hostile, meta: { [hostile]: hostile } };
    const text = encode.renderFrame(encode.messageHalves({ ...parts, mentions: [hostile] }), stamp);
    expect(frame(text, "message")).toEqual({ type: "message", ...parts, ...stamp, mentions: [hostile] });
    const change = { channel: "c", id, user: hostile };
    const edited = encode.renderFrame(encode.editedHalves({ ...change, body: hostile }), stamp);
    expect(frame(edited, "edited")).toEqual({ type: "edited", ...change, body: hostile, ...stamp });
  });

  it("leave out what is absent or empty", () => {
    const text = encode.renderFrame(
      encode.messageHalves({ ...message, mentions: [], reactions: [], replies: 0 }),
      stamp,
    );
    expect(parse(text)).toEqual({ type: "message", ...message, ...stamp });
  });

  it("fold in what happened since", () => {
    const folded = { editedAt: 5, reactions: [{ emoji: "👍", count: 2, mine: true }], replies: 3 };
    const text = encode.renderFrame(encode.messageHalves({ ...message, ...folded }), stamp);
    expect(frame(text, "message")).toEqual({ type: "message", ...message, ...stamp, ...folded });
  });

  it("of a deleted message hold neither body, meta nor mentions", () => {
    const parts = { ...message, meta: { a: 1 }, mentions: ["bob"], deleted: true };
    const text = encode.renderFrame(encode.messageHalves(parts), stamp);
    const { body: _, ...rest } = message;
    expect(frame(text, "message")).toEqual({ type: "message", ...rest, ...stamp, deleted: true });
    const edited = encode.renderFrame(encode.editedHalves({ channel: "c", id, user: "ann" }), stamp);
    expect(frame(edited, "edited")).toEqual({ type: "edited", channel: "c", id, user: "ann", ...stamp });
  });

  it("tell deletions and reactions", () => {
    const change = { channel: "c", id, user: "ann" };
    expect(frame(encode.renderFrame(encode.deletedHalves(change), stamp), "deleted")).toEqual({
      type: "deleted",
      ...change,
      ...stamp,
    });
    const reaction = { ...change, emoji: "👍", on: false };
    expect(frame(encode.renderFrame(encode.reactionHalves(reaction), stamp), "reaction")).toEqual({
      type: "reaction",
      ...reaction,
      ...stamp,
    });
  });
});

describe("replies", () => {
  it("join finished frames without parsing them", () => {
    const text = encode.encodePage({ ref: 'r"1', fields: { channel: "c" }, messages: ["<1>", "<2>"], more: true });
    expect(text).toBe('{"type":"ok","ref":"r\\"1","channel":"c","messages":[<1>,<2>],"more":true}');
    expect(encode.encodePage({ fields: {}, messages: [], more: false })).toBe(
      '{"type":"ok","messages":[],"more":false}',
    );
  });

  it("of history fit their schema", () => {
    const one = encode.renderFrame(encode.messageHalves(message), stamp);
    const value = parse(encode.encodePage({ ref: "r", fields: { channel: "c" }, messages: [one, one], more: false }));
    expect(Value.Check(OK_BODIES.history, value)).toBe(true);
  });

  it("to a send tell where it stands, and that it is a repeat only where it is one", () => {
    const parts = { channel: "c", id: "i".repeat(21), clientId: "k", position: { epoch: 7, seq: 3 }, at: 9 };
    const [first, repeat] = [false, true].map((duplicate) => parse(encode.encodeSent('r"1', { ...parts, duplicate })));
    const told = { type: "ok", ref: 'r"1', channel: "c", id: parts.id, clientId: "k", epoch: 7, seq: 3, at: 9 };
    expect([first, repeat]).toEqual([told, { ...told, duplicate: true }]);
    expect([first, repeat].every((body) => Value.Check(OK_BODIES.send, body))).toBe(true);
  });

  it("take raw members, or none", () => {
    expect(encode.encodeOk("r", "")).toBe('{"type":"ok","ref":"r"}');
    expect(encode.encodeOk("r", encode.jsonMembers({ channel: "c", seq: 1 }))).toBe(
      '{"type":"ok","ref":"r","channel":"c","seq":1}',
    );
    expect(encode.encodeOk(undefined, '"a":1')).toBe('{"type":"ok","a":1}');
  });

  it("to several joins hold one body each", () => {
    const ok = encode.encodePage({ fields: { channel: "a" }, messages: [], more: false });
    const error = encode.encodeError(new ChatError("not_found", "no", { channel: "b" }));
    expect(parse(encode.encodeResults("r", [ok, error]))).toEqual({
      type: "ok",
      ref: "r",
      results: [
        { type: "ok", channel: "a", messages: [], more: false },
        { type: "error", code: "not_found", message: "no", retry: "never", channel: "b" },
      ],
    });
  });

  it("of errors carry their fate and details, and nothing that is absent", () => {
    const error = new ChatError("muted", 'not "now"', { channel: "c", until: 5 });
    expect(frame(encode.encodeError(error, "r"), "error")).toEqual({
      type: "error",
      ref: "r",
      code: "muted",
      message: 'not "now"',
      retry: "never",
      channel: "c",
      until: 5,
    });
    expect(encode.encodeError(new ChatError("rate_limited", "m", { retryAfterMs: 7 }))).toBe(
      '{"type":"error","code":"rate_limited","message":"m","retry":"later","retryAfterMs":7}',
    );
  });
});

describe("every other frame fits its schema", () => {
  const person = { user: "ann", name: hostile };
  const position = { epoch: 1, seq: 2 };
  const welcome = {
    session: "s",
    ...person,
    node: "n",
    expiresAt: 1,
    refreshAt: 1,
    heartbeatMs: 1,
    limits: DEFAULT_LIMITS,
  };
  it.each<[ServerFrameType, string, object]>([
    ["welcome", encode.encodeWelcome(welcome), welcome],
    ["pong", encode.encodePong(5, "r"), { ref: "r", at: 5 }],
    ["pong", encode.encodePong(5), { at: 5 }],
    [
      "gap",
      encode.encodeGap({ channel: "c", from: position, to: position }),
      { channel: "c", from: position, to: position },
    ],
    ["persisted", encode.encodePersisted("c", position), { channel: "c", ...position }],
    ["reconnect", encode.encodeReconnect(250), { afterMs: 250, code: 4000 }],
    ["joined", encode.encodeJoined({ channel: "c", ...person, online: 1 }), { channel: "c", ...person, online: 1 }],
    ["left", encode.encodeLeft({ channel: "c", ...person, online: 0 }), { channel: "c", ...person, online: 0 }],
    [
      "presence",
      encode.encodePresence({ channel: "c", online: 101, mode: "digest", joined: [person], left: [] }),
      { channel: "c", online: 101, mode: "digest", joined: [person], left: [] },
    ],
    [
      "typing",
      encode.encodeTyping({ channel: "c", ...person, on: true, ttlMs: 6000 }),
      { channel: "c", ...person, on: true, ttlMs: 6000 },
    ],
    ["read", encode.encodeRead({ channel: "c", ...position }), { channel: "c", ...position }],
    [
      "rights",
      encode.encodeRights({ channel: "c", role: "reader", can: ["join", "read"], mutedUntil: 9 }),
      { channel: "c", role: "reader", can: ["join", "read"], mutedUntil: 9 },
    ],
    [
      "notice",
      encode.encodeNotice({ id: "i", body: hostile, meta: { a: 1 }, at: 3 }),
      { id: "i", body: hostile, meta: { a: 1 }, at: 3 },
    ],
    [
      "removed",
      encode.encodeRemoved({ channel: "c", code: "kicked", reason: hostile }),
      { channel: "c", code: "kicked", reason: hostile },
    ],
  ])("%s", (type, text, fields) => {
    expect(frame(text, type)).toEqual({ type, ...fields });
  });
});
