import { describe, expect, it } from "vitest";
import type { ClientFrame } from "./client-frames.ts";
import { binaryFrameError, createDecoder, type Decoded, readFrame } from "./decode.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { isJsonObject } from "./shape.ts";

const decode = createDecoder(DEFAULT_LIMITS);
const utf8 = new TextEncoder();
const decodeText = (text: string): Decoded => decode(utf8.encode(text));
const decodeJson = (value: unknown): Decoded => decodeText(JSON.stringify(value));

const id = "V1StGXR8_Z5jdHi6B-myT";
const send = { type: "send", ref: "r1", channel: "general", clientId: "k1", body: "hello" } as const;
const position = { epoch: 1_700_000_000_000, seq: 7 };
const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
const manyKeys = (count: number): Record<string, number> =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));

/** One of each, with every field it may have. */
const VALID: readonly ClientFrame[] = [
  { type: "auth", ref: "1", token: "a.b.c", persisted: true },
  { type: "auth", token: "" },
  { type: "join", ref: "2", channel: "general", password: "pässword", after: position, limit: 20, persisted: false },
  { type: "join", ref: "3", joins: [{ channel: "a", after: position, password: "p" }, { channel: "b" }], limit: 5 },
  { type: "leave", channel: "dm:abc.d_e-f" },
  { ...send, replyTo: id, meta: { a: "x", b: 1.5, c: true } },
  { type: "edit", channel: "c", id, body: "line\n\ttwo" },
  { type: "delete", channel: "c", id },
  { type: "react", channel: "c", id, emoji: "👩‍👩‍👧‍👦", on: true },
  { type: "typing", channel: "c", on: false },
  { type: "read", channel: "c", epoch: 0, seq: Number.MAX_SAFE_INTEGER },
  { type: "history", channel: "c", before: position, limit: 100_000, replyTo: id },
  { type: "history", channel: "c", after: { epoch: 0, seq: 0 } },
  { type: "members", channel: "c", cursor: "b2xl", limit: 1 },
  { type: "ping" },
  { type: "ping", ref: "😀".repeat(64) },
];

interface Refusal {
  readonly rule: string;
  readonly text: string;
  readonly code: string;
  readonly message: RegExp;
  readonly ref?: string;
  readonly type?: string;
}

const row = (rule: string, value: unknown, code: string, message: RegExp, from: Partial<Refusal> = {}): Refusal => ({
  rule,
  text: typeof value === "string" ? value : JSON.stringify(value),
  code,
  message,
  ...from,
});
const ofSend = { ref: "r1", type: "send" };
const without = (key: keyof typeof send): object =>
  Object.fromEntries(Object.entries(send).filter(([name]) => name !== key));

const BROKEN: readonly Refusal[] = [
  row("no bytes", "", "bad_frame", /JSON/),
  row("broken JSON", '{"type":"ping"', "bad_frame", /JSON/),
  row("a byte order mark", '\ufeff{"type":"ping"}', "bad_frame", /JSON/),
  row("two values", '{"type":"ping"}{}', "bad_frame", /JSON/),
  row("a raw control character", '{"type":"ping","ref":"\u0001"}', "bad_frame", /JSON/),
  row("a list", [], "bad_frame", /object/),
  row("null", null, "bad_frame", /object/),
  row("a string", '"ping"', "bad_frame", /object/),
  row("no type", { ref: "r1" }, "bad_frame", /"type"/, { ref: "r1" }),
  row("a type that is a number", { type: 1, ref: "r1" }, "bad_frame", /"type"/, { ref: "r1" }),
  row("17 levels", `{"type":"ping","x":${nested(16)}}`, "bad_frame", /16 levels/, { type: "ping" }),
  row("thousands of levels", `{"type":"ping","x":${nested(8000)}}`, "bad_frame", /16 levels/, { type: "ping" }),
  row("17 levels of an unknown type", `{"type":"nope","x":${nested(16)}}`, "bad_frame", /16 levels/),
  row("65 keys", { type: "ping", ...manyKeys(64) }, "bad_frame", /64 keys/, { type: "ping" }),
  row("65 keys below", { type: "ping", x: [manyKeys(65)] }, "bad_frame", /64 keys/, { type: "ping" }),
  row("65 keys in after", { type: "join", channel: "c", after: { ...position, ...manyKeys(63) } }, "bad_frame", /64/, {
    type: "join",
  }),
  row("65 keys in meta", { ...send, meta: manyKeys(65) }, "bad_frame", /"meta"/, ofSend),
  ...["__proto__", "constructor", "prototype"].flatMap((key) => [
    row(`${key} as a key`, `{"${key}":1,"type":"ping"}`, "bad_frame", new RegExp(key), { type: "ping" }),
    row(
      `${key} written with an escape`,
      `{"type":"ping","\\u00${key.charCodeAt(0).toString(16)}${key.slice(1)}":1}`,
      "bad_frame",
      new RegExp(key),
      { type: "ping" },
    ),
    row(`${key} below`, `{"type":"ping","x":[{"y":{"${key}":{}}}]}`, "bad_frame", new RegExp(key), { type: "ping" }),
    row(
      `${key} in meta`,
      `{"type":"send","channel":"c","clientId":"k","body":"b","meta":{"${key}":1}}`,
      "bad_frame",
      /"meta"/,
      { type: "send" },
    ),
    row(
      `${key} in after`,
      `{"type":"join","channel":"c","after":{"epoch":1,"seq":1,"${key}":1}}`,
      "bad_frame",
      new RegExp(key),
      { type: "join" },
    ),
    row(`${key} in an unknown type`, `{"type":"nope","${key}":1}`, "bad_frame", new RegExp(key)),
    row(
      `${key} made by taking out an override`,
      { ...send, meta: { [`${key.slice(0, 3)}\u202e${key.slice(3)}`]: 1 } },
      "invalid",
      /"meta"/,
      ofSend,
    ),
  ]),
  row("an unknown type", { type: "nope", ref: "r1" }, "unknown_type", /"nope"/, { ref: "r1" }),
  row("a type named like a method", { type: "toString" }, "unknown_type", /"toString"/),
  row("a server's type", { type: "message" }, "unknown_type", /"message"/),
  row("a ref that is a number", { ...send, ref: 7 }, "bad_frame", /"ref"/, { type: "send" }),
  row("an empty ref", { ...send, ref: "" }, "invalid", /"ref"/, { type: "send" }),
  row("a ref of 65 characters", { ...send, ref: "r".repeat(65) }, "invalid", /"ref"/, { type: "send" }),
  ...(["channel", "clientId", "body"] as const).flatMap((name) => [
    row(`send without ${name}`, without(name), "bad_frame", new RegExp(`^send: "${name}" is absent`), ofSend),
    row(`send with null for ${name}`, { ...send, [name]: null }, "bad_frame", new RegExp(`^send: "${name}"`), ofSend),
    row(`send with an object for ${name}`, { ...send, [name]: {} }, "bad_frame", new RegExp(`"${name}"`), ofSend),
  ]),
  row(
    "a clientId of the wrong type",
    { ...send, clientId: 5 },
    "bad_frame",
    /^send: "clientId" must be a string of 1 to 64 characters of A-Za-z0-9_-$/,
    ofSend,
  ),
  row("an empty clientId", { ...send, clientId: "" }, "invalid", /"clientId"/, ofSend),
  row("a clientId of 65", { ...send, clientId: "k".repeat(65) }, "invalid", /"clientId"/, ofSend),
  row("a clientId with a bar", { ...send, clientId: "a|b" }, "invalid", /"clientId"/, ofSend),
  row("an empty channel", { ...send, channel: "" }, "invalid", /"channel"/, ofSend),
  row("a channel that begins with a dot", { ...send, channel: ".a" }, "invalid", /"channel"/, ofSend),
  row("a channel of 65", { ...send, channel: "c".repeat(65) }, "invalid", /"channel"/, ofSend),
  row("a channel with a letter beyond ASCII", { ...send, channel: "é" }, "invalid", /"channel"/, ofSend),
  row("an empty body", { ...send, body: "" }, "invalid", /"body"/, ofSend),
  row("a body that is empty once cleaned", { ...send, body: "\u202e\u2066" }, "invalid", /"body"/, ofSend),
  row("NUL in the body", { ...send, body: "a\u0000" }, "invalid", /"body"/, ofSend),
  row("DEL", { ...send, body: "a\u007f" }, "invalid", /"body"/, ofSend),
  row("C1", { ...send, body: "a\u0085" }, "invalid", /"body"/, ofSend),
  row("a lone surrogate", { ...send, body: "\ud800" }, "invalid", /"body"/, ofSend),
  row("a body over its bytes", { ...send, body: "x".repeat(4097) }, "too_large", /"body" is over 4096/, ofSend),
  row("a body over its bytes beyond ASCII", { ...send, body: "é".repeat(2049) }, "too_large", /"body"/, ofSend),
  row(
    "a body over its bytes, before its text is looked at",
    { ...send, body: `\u0000${"x".repeat(5000)}` },
    "too_large",
    /"body"/,
    ofSend,
  ),
  row(
    "a body over its bytes that cleaning would make smaller",
    { ...send, body: "\r\n".repeat(2049) },
    "too_large",
    /"body"/,
    ofSend,
  ),
  row("a body over its bytes once composed", { ...send, body: "\u0958".repeat(1365) }, "too_large", /"body"/, ofSend),
  row(
    "31 marks in a row",
    { ...send, body: `a${"\u0300".repeat(31)}` },
    "invalid",
    /"body" .* 30 combining marks/,
    ofSend,
  ),
  row("31 marks in a key of meta", { ...send, meta: { [`a${"\u0323".repeat(31)}`]: 1 } }, "invalid", /"meta"/, ofSend),
  row("31 marks in meta", { ...send, meta: { a: "\u0323".repeat(31) } }, "invalid", /"meta"/, ofSend),
  row(
    "marks by the thousand",
    { ...send, body: `a${"\u0300".repeat(1000)}${"\u0323".repeat(1000)}` },
    "invalid",
    /"body"/,
    ofSend,
  ),
  row(
    "meta by the thousand marks, before its text is looked at",
    { ...send, meta: { a: "\u0300".repeat(4000) } },
    "too_large",
    /"meta"/,
    ofSend,
  ),
  row("a replyTo that is no id", { ...send, replyTo: "short" }, "invalid", /"replyTo"/, ofSend),
  row("a list for meta", { ...send, meta: [] }, "bad_frame", /"meta"/, ofSend),
  row("an object in meta", { ...send, meta: { a: {} } }, "bad_frame", /"meta"/, ofSend),
  row("null in meta", { ...send, meta: { a: null } }, "bad_frame", /"meta"/, ofSend),
  row("NUL in meta", { ...send, meta: { a: "\u0000" } }, "invalid", /"meta"/, ofSend),
  row("NUL in a key of meta", { ...send, meta: { "a\u0000": 1 } }, "invalid", /"meta"/, ofSend),
  row(
    "a number beyond doubles",
    '{"type":"send","ref":"r1","channel":"c","clientId":"k","body":"b","meta":{"a":1e999}}',
    "invalid",
    /"meta"/,
    ofSend,
  ),
  ...["12345678901234567890", "9007199254740993", "-0.10000000000000001", "1.00000000000000000001", "1e-400"].map(
    (number) =>
      row(
        `${number} in meta, which a double cannot hold`,
        `{"type":"send","ref":"r1","channel":"c","clientId":"k","body":"b","meta":{"a":${number}}}`,
        "invalid",
        /"meta" must be .* numbers that a double holds exactly/,
        ofSend,
      ),
  ),
  row("meta over its bytes", { ...send, meta: { a: "x".repeat(1024) } }, "too_large", /"meta" is over 1024/, ofSend),
  row("a wrong type is told before a value", { ...send, body: "", meta: 1 }, "bad_frame", /"meta"/, ofSend),
  row(
    "a value is told before a size",
    { ...send, body: "x".repeat(4097), replyTo: "" },
    "invalid",
    /"replyTo"/,
    ofSend,
  ),
  row("auth without token", { type: "auth" }, "bad_frame", /"token"/, { type: "auth" }),
  row("a token over 8 KiB", { type: "auth", token: "t".repeat(8193) }, "invalid", /"token"/, { type: "auth" }),
  row("join without channel", { type: "join" }, "bad_frame", /"channel"/, { type: "join" }),
  row("join with both", { type: "join", channel: "c", joins: [{ channel: "d" }] }, "invalid", /exclude/, {
    type: "join",
  }),
  row("an empty joins", { type: "join", joins: [] }, "invalid", /"joins"/, { type: "join" }),
  row(
    "101 joins",
    { type: "join", joins: Array.from({ length: 101 }, () => ({ channel: "c" })) },
    "invalid",
    /"joins"/,
    {
      type: "join",
    },
  ),
  row(
    "a forbidden key in too many joins",
    `{"type":"join","joins":[{"__proto__":1}${",{}".repeat(100)}]}`,
    "bad_frame",
    /__proto__/,
    { type: "join" },
  ),
  row("a string in joins", { type: "join", joins: ["c"] }, "bad_frame", /"joins"/, { type: "join" }),
  row("joins without channel", { type: "join", joins: [{ channel: "c" }, {}] }, "bad_frame", /"joins\[1\]\.channel"/, {
    type: "join",
  }),
  row("after without seq", { type: "join", channel: "c", after: { epoch: 1 } }, "bad_frame", /"after\.seq"/, {
    type: "join",
  }),
  row("after as text", { type: "join", channel: "c", after: "1-1" }, "bad_frame", /"after"/, { type: "join" }),
  row("a limit of 0", { type: "join", channel: "c", limit: 0 }, "invalid", /"limit"/, { type: "join" }),
  row("a limit as text", { type: "join", channel: "c", limit: "5" }, "bad_frame", /"limit"/, { type: "join" }),
  row("a negative seq", { type: "read", channel: "c", epoch: 1, seq: -1 }, "invalid", /"seq"/, { type: "read" }),
  row("half a seq", { type: "read", channel: "c", epoch: 1, seq: 0.5 }, "invalid", /"seq"/, { type: "read" }),
  row("an epoch of 2^53", { type: "read", channel: "c", epoch: 2 ** 53, seq: 1 }, "invalid", /"epoch"/, {
    type: "read",
  }),
  row("before and after", { type: "history", channel: "c", before: position, after: position }, "invalid", /exclude/, {
    type: "history",
  }),
  row("on as a number", { type: "typing", channel: "c", on: 1 }, "bad_frame", /"on"/, { type: "typing" }),
  ...["👍👍", "", " ", "\u200d", "\u3164", "ab", `e${"\u0301".repeat(64)}`].map((emoji) =>
    row(
      `the emoji ${JSON.stringify(emoji)}`,
      { type: "react", channel: "c", id, emoji, on: true },
      "invalid",
      /"emoji"/,
      {
        type: "react",
      },
    ),
  ),
];

describe("what is accepted", () => {
  it.each(VALID.map((frame) => [frame.type, frame] as const))("%s comes back as it was sent", (_, frame) => {
    expect(decodeJson(frame)).toEqual({ kind: "frame", frame });
  });

  it("ignores unknown fields and does not carry them on, at every level", () => {
    const wide = { x: { constructed: [1, { deep: true }] }, ...send, toString: 1, hasOwnProperty: 2 };
    expect(decodeJson(wide)).toEqual({ kind: "frame", frame: send });
    const join = { type: "join", joins: [{ channel: "c", x: 1, after: { ...position, y: 2 } }] };
    expect(decodeJson(join)).toEqual({
      kind: "frame",
      frame: { type: "join", joins: [{ channel: "c", after: position }] },
    });
  });

  it("takes what stands exactly at a bound", () => {
    const frames = [
      { ...send, body: "é".repeat(2048) },
      { ...send, clientId: "k".repeat(64), channel: "c".repeat(64) },
      { ...send, meta: { a: "x".repeat(1024 - '{"a":""}'.length) } },
    ];
    for (const frame of frames) expect(decodeJson(frame)).toEqual({ kind: "frame", frame });
    expect(decodeText(`{"type":"ping","x":${nested(15)}}`)).toEqual({ kind: "frame", frame: { type: "ping" } });
    expect(decodeJson({ type: "ping", ...manyKeys(63) }).kind).toBe("frame");
  });

  it("cleans text: NFC, and no bidi overrides, in body and meta", () => {
    const frame = { ...send, body: "e\u0301\u202e!", meta: { "n\u0303": "\u2066o\u0308\u2069" } };
    expect(decodeJson(frame)).toEqual({ kind: "frame", frame: { ...send, body: "é!", meta: { ñ: "ö" } } });
  });

  it("takes CRLF and a lone CR for a newline", () => {
    const frame = { ...send, body: "a\r\nb\rc\n\r\r\nd", meta: { "x\r": "\r\n" } };
    const taken = { ...send, body: "a\nb\nc\n\n\nd", meta: { "x\n": "\n" } };
    expect(decodeJson(frame)).toEqual({ kind: "frame", frame: taken });
  });

  it("takes numbers of meta that a double holds, however they are written, and looks at no others", () => {
    const numbers = "[0.1, 1.0, 1e2, 5e-324, -0, 1e23, 9007199254740992, 0.10000, 12300e-2]";
    const meta = numbers
      .slice(1, -1)
      .split(",")
      .map((number, n) => `"k${n}":${number}`);
    const before = `{"type":"send","x":[12345678901234567890],"meta":{${meta.join()}}`;
    const decoded = decodeText(`${before},"channel":"c","clientId":"k","body":"b","y":{"meta":{"z":1e999}}}`);
    const values: unknown = JSON.parse(numbers);
    expect(
      decoded.kind === "frame" && decoded.frame.type === "send" && Object.values(decoded.frame.meta ?? {}),
    ).toEqual(values);
  });

  it("keeps a ref as it came", () => {
    expect(decodeJson({ type: "ping", ref: "e\u0301" })).toEqual({
      kind: "frame",
      frame: { type: "ping", ref: "e\u0301" },
    });
  });
});

describe("what is refused", () => {
  it.each(BROKEN.map((refusal) => [refusal.rule, refusal] as const))("%s", (_, refusal) => {
    const decoded = decodeText(refusal.text);
    if (decoded.kind === "frame") throw new Error("was accepted");
    expect([decoded.error.code, decoded.ref, decoded.type]).toEqual([refusal.code, refusal.ref, refusal.type]);
    expect(decoded.error.message).toMatch(refusal.message);
  });

  it("refuses by size before it reads anything", () => {
    const bytes = new Uint8Array(DEFAULT_LIMITS.frameBytes + 1).fill(0x5b);
    const decoded = decode(bytes);
    expect(decoded.kind === "frame" ? "" : decoded.error.code).toBe("too_large");
    expect(decoded).not.toHaveProperty("ref");
    const full = decodeText(JSON.stringify({ type: "ping" }).padEnd(DEFAULT_LIMITS.frameBytes, " "));
    expect(full.kind).toBe("frame");
  });

  it("gives a frame over its size the ref that stands near its start or its end", () => {
    const body = "x".repeat(20_000);
    for (const frame of [
      { ...send, body },
      { type: "send", body, ref: "r1" },
    ]) {
      expect(decodeJson(frame)).toMatchObject({ kind: "refusal", ref: "r1", error: { code: "too_large" } });
    }
  });

  it("refuses bytes that are not UTF-8", () => {
    const decoded = decode(Uint8Array.of(0x22, 0xff, 0x22));
    expect(decoded.kind === "frame" ? "" : decoded.error.code).toBe("bad_frame");
  });

  it("forgets a refusal with the next frame", () => {
    expect(decodeJson({ type: "typing", channel: 1 }).kind).toBe("refusal");
    expect(decodeJson(send)).toEqual({ kind: "frame", frame: send });
  });

  it("obeys the limits it was made with", () => {
    const small = createDecoder({ ...DEFAULT_LIMITS, bodyBytes: 4 });
    const decoded = small(utf8.encode(JSON.stringify(send)));
    expect(decoded.kind === "frame" ? "" : decoded.error.message).toBe('send: "body" is over 4 bytes');
  });

  it("has a refusal for binary frames", () => {
    expect(binaryFrameError().code).toBe("bad_frame");
  });
});

/** Throws for text that is no JSON. */
function deepFrozen(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown) => (typeof value === "object" ? Object.freeze(value) : value));
}

describe("an object that was parsed before", () => {
  const objects = BROKEN.flatMap(({ rule, text }) => {
    try {
      const value = deepFrozen(text);
      // How a number was written is gone with the parsing.
      const isForBytes = rule.endsWith(" which a double cannot hold");
      return isJsonObject(value) && !isForBytes ? [{ rule, text, value }] : [];
    } catch {
      return [];
    }
  });

  it("is refused as its bytes are, in the same words", () => {
    expect(objects.length).toBeGreaterThan(100);
    for (const { rule, text, value } of objects) {
      expect(readFrame(value, DEFAULT_LIMITS), rule).toEqual(decodeText(text));
    }
  });

  it("is read as its bytes are, and left as it was", () => {
    const cleaned = [
      { ...send, x: 1, body: "e\u0301\r\n", meta: { "a\u202e": "e\u0301" } },
      { type: "join", joins: [{ channel: "c", x: {}, after: { ...position, x: 1 } }] },
    ];
    for (const frame of [...VALID, ...cleaned]) {
      const text = JSON.stringify(frame);
      const given = deepFrozen(text);
      if (!isJsonObject(given)) throw new Error("not an object");
      expect(readFrame(given, DEFAULT_LIMITS)).toEqual(decodeText(text));
      expect(JSON.stringify(given)).toBe(text);
    }
  });
});
