import * as fc from "fast-check";
import { describe, expect, inject, it } from "vitest";
import { anyCharacter } from "../../../tests/any-character.ts";
import Value from "typebox/value";
import { CLIENT_FRAMES, type ClientFrame } from "./client-frames.ts";
import { createDecoder } from "./decode.ts";
import { messageHalves, renderFrame } from "./encode.ts";
import {
  CHANNEL_ID_PATTERN,
  cleanName,
  CLIENT_ID_PATTERN,
  findMentions,
  isChannelId,
  isClientId,
  isMessageId,
  MESSAGE_ID_PATTERN,
} from "./ids.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { parseMessageFrame } from "./sequenced-frames.ts";
import { formatPosition, parsePosition } from "./position.ts";
import { cleanText, utf8Bytes } from "./text.ts";

const RUNS = 100 * inject("fuzzTimes");
const holds = <T>(property: fc.IProperty<T>): void => fc.assert(property, { numRuns: RUNS });

const decode = createDecoder(DEFAULT_LIMITS);
const utf8 = new TextEncoder();

const ordinal = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const position = fc.record({ epoch: ordinal, seq: ordinal });
const channel = fc.stringMatching(new RegExp(CHANNEL_ID_PATTERN));
const clientId = fc.stringMatching(new RegExp(CLIENT_ID_PATTERN));
const id = fc.stringMatching(new RegExp(MESSAGE_ID_PATTERN));
const text = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 200 })
  .map((raw) => cleanText(raw))
  .map((clean) => (clean.kind === "text" && clean.text !== "" ? clean.text : "x"));
const forbidden: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);
const metaKey = fc.string({ maxLength: 10 }).filter((key) => cleanText(key).kind === "text" && !forbidden.has(key));
const meta = fc.dictionary(
  metaKey,
  fc.oneof(
    text.map((t) => t.slice(0, 1).replace(/\p{Cs}/u, "")),
    fc.integer(),
    fc.boolean(),
  ),
  { maxKeys: 5, noNullPrototype: true },
);
const ref = fc.string({ minLength: 1, maxLength: 64 });
const opaque = fc.string({ unit: "grapheme", maxLength: 40 });
const limit = fc.integer({ min: 1 });
const on = fc.boolean();
const item = fc.record({ channel, after: position, password: opaque }, { requiredKeys: ["channel"] });

const some = (
  type: string,
  needed: Record<string, fc.Arbitrary<unknown>>,
  more: Record<string, fc.Arbitrary<unknown>> = {},
) => {
  const parts: Record<string, fc.Arbitrary<unknown>> = { type: fc.constant(type), ...needed, ref, ...more };
  return fc.record(parts, { requiredKeys: ["type", ...Object.keys(needed)] });
};

const validFrame = fc.oneof(
  some("auth", { token: opaque }, { persisted: on }),
  some("join", { channel }, { password: opaque, after: position, limit, persisted: on }),
  some("join", { joins: fc.array(item, { minLength: 1, maxLength: 5 }) }, { limit, persisted: on }),
  some("leave", { channel }),
  some("send", { channel, clientId, body: text }, { replyTo: id, meta }),
  some("edit", { channel, id, body: text }),
  some("delete", { channel, id }),
  some("react", { channel, id, emoji: fc.constantFrom("👍", "🇩🇪", "x", "👩🏽‍🚀"), on }),
  some("typing", { channel, on }),
  some("read", { channel, epoch: ordinal, seq: ordinal }),
  some("history", { channel }, { before: position, limit, replyTo: id }),
  some("members", { channel }, { cursor: opaque, limit }),
  some("ping", {}),
);

const check = (frame: ClientFrame): boolean => Value.Check(CLIENT_FRAMES[frame.type], frame);

describe("the decoder", () => {
  it("never throws, whatever the bytes", () => {
    holds(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decode(bytes).kind).toMatch(/^(?:frame|refusal)$/);
      }),
    );
  });

  it("never throws, whatever the JSON, and lets nothing through that the schema refuses", () => {
    const key = fc.oneof(fc.constantFrom(...Object.keys(CLIENT_FRAMES.send.properties)), fc.string());
    const type = fc.oneof(fc.constantFrom(...Object.keys(CLIENT_FRAMES)), fc.string());
    const hostile = fc.tuple(type, fc.dictionary(key, fc.jsonValue())).map(([word, rest]) => ({ ...rest, type: word }));
    holds(
      fc.property(fc.oneof(hostile, fc.jsonValue()), (value) => {
        const decoded = decode(utf8.encode(JSON.stringify(value)));
        expect(decoded.kind === "refusal" || check(decoded.frame)).toBe(true);
      }),
    );
  });

  it("never throws on a valid frame with one field spoilt, and agrees with the schema about wrong types", () => {
    holds(
      fc.property(validFrame, fc.nat(), fc.jsonValue(), (frame, at, value) => {
        const keys = Object.keys(frame);
        const spoilt = { ...frame, [keys[at % keys.length] ?? "type"]: value };
        const decoded = decode(utf8.encode(JSON.stringify(spoilt)));
        expect(decoded.kind === "frame" ? check(decoded.frame) : decoded.error.message !== "").toBe(true);
      }),
    );
  });

  it("gives back every valid frame as it was, also among unknown fields and in another order", () => {
    holds(
      fc.property(validFrame, fc.boolean(), (frame, shuffled) => {
        const entries = Object.entries(frame);
        const sent = shuffled ? Object.fromEntries([["zzz", [{}]], ...entries.toReversed()]) : frame;
        expect(decode(utf8.encode(JSON.stringify(sent)))).toEqual({ kind: "frame", frame });
      }),
    );
  });
});

describe("frames", () => {
  it("parse to what they were rendered from", () => {
    const parts = fc.record(
      {
        channel,
        id,
        clientId,
        user: text,
        name: text,
        body: text,
        replyTo: id,
        meta,
        mentions: fc.array(text, { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: ["channel", "id", "clientId", "user", "name", "body"] },
    );
    const stamp = fc.record(
      { epoch: ordinal, seq: ordinal, at: ordinal, prev: position },
      {
        requiredKeys: ["epoch", "seq", "at"],
      },
    );
    holds(
      fc.property(parts, stamp, (message, stamped) => {
        expect(parseMessageFrame(renderFrame(messageHalves(message), stamped))).toEqual({
          type: "message",
          ...message,
          ...stamped,
        });
      }),
    );
  });

  it("positions read back what they write", () => {
    holds(
      fc.property(position, (drawn) => {
        expect(parsePosition(formatPosition(drawn))).toEqual(drawn);
      }),
    );
  });
});

describe("text", () => {
  const any = fc.string({ unit: anyCharacter });
  const units = fc.array(fc.nat({ max: 0xffff })).map((codes) => String.fromCharCode(...codes));

  it("cleaned twice is cleaned once, holds nothing that is refused and is in NFC", () => {
    holds(
      fc.property(fc.oneof(any, units), (raw) => {
        const clean = cleanText(raw);
        if (clean.kind === "refusal") return;
        expect(cleanText(clean.text)).toEqual(clean);
        expect(clean.text.normalize("NFC")).toBe(clean.text);
        expect(/[\u202a-\u202e\u2066-\u2069\p{Cs}]|(?![\n\t])\p{Cc}/u.test(clean.text)).toBe(false);
      }),
    );
  });

  it("is as long in bytes as the encoder says", () => {
    holds(
      fc.property(fc.oneof(any, units), (raw) => {
        expect(utf8Bytes(raw)).toBe(utf8.encode(raw).length);
      }),
    );
  });

  it("of a name is clean, one line and at most 64 code points, and stays so", () => {
    holds(
      fc.property(fc.oneof(any, units), (raw) => {
        const name = cleanName(raw);
        expect(Array.from(name).length).toBeLessThanOrEqual(64);
        expect(cleanText(name)).toEqual({ kind: "text", text: name });
        expect(name).not.toMatch(/[\n\t]/);
        expect(cleanName(name)).toBe(name);
      }),
    );
  });

  it("of ids is judged as by their patterns", () => {
    const near = fc.oneof(channel, clientId, id, fc.string({ maxLength: 70 }), any);
    holds(
      fc.property(near, (raw) => {
        expect(isChannelId(raw)).toBe(new RegExp(CHANNEL_ID_PATTERN).test(raw));
        expect(isClientId(raw)).toBe(new RegExp(CLIENT_ID_PATTERN).test(raw));
        expect(isMessageId(raw)).toBe(new RegExp(MESSAGE_ID_PATTERN).test(raw));
      }),
    );
  });

  it("of mentions is bounded and quick, whatever the body", () => {
    holds(
      fc.property(fc.array(fc.constantFrom("@", ".", "a", " ", "é", "-", "\n")), (words) => {
        const found = findMentions(words.join(""));
        expect(found.length).toBeLessThanOrEqual(20);
        for (const user of found) expect(user).toMatch(/^[A-Za-z0-9_.-]{1,64}$/);
      }),
    );
    expect(findMentions(`@${".".repeat(200_000)}`)).toEqual([]);
    expect(findMentions("@".repeat(200_000))).toEqual([]);
  });
});
