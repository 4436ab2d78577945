import { testRedis } from "@rookery/testkit";
import { expect, it } from "vitest";
import type { Envelope } from "./envelope.ts";
import { packEnvelope, unpackAll } from "./packed-envelope.fixture.ts";

const server = await testRedis();

const inLua = `
  local kind, exclude = tonumber(ARGV[1]), ARGV[2]
  local numbers = { tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]) }
  return struct.pack('>BBdddd', kind, #exclude, unpack(numbers)) .. exclude .. ARGV[7]
`;

const envelopes: (Envelope & { readonly byte: number })[] = [
  {
    byte: 1,
    kind: "sequenced",
    position: { epoch: 1_760_000_000_123, seq: 1_234_567 },
    prev: { epoch: 1_760_000_000_123, seq: 1_234_566 },
    exclude: "",
    frame: Buffer.from('{"type":"message","body":"naïve 🐦"}'),
  },
  {
    byte: 1,
    kind: "sequenced",
    position: { epoch: 2 ** 53 - 1, seq: 8 },
    prev: { epoch: 1, seq: 7 },
    exclude: "",
    frame: Buffer.from("{}"),
  },
  {
    byte: 2,
    kind: "signal",
    position: { epoch: 0, seq: 0 },
    prev: { epoch: 0, seq: 0 },
    exclude: "V1StGXR8_Z5jdHi6B-myT",
    frame: Buffer.from('{"type":"typing"}'),
  },
];

it.each(envelopes)("a script of Redis packs the same bytes: $kind $position.epoch", async ({ byte, ...envelope }) => {
  const { position, prev, exclude, frame } = envelope;
  const numbers = [position.epoch, position.seq, prev.epoch, prev.seq].map(String);
  const packed = await server.redis.callBuffer("EVAL", inLua, 0, byte, exclude, ...numbers, Buffer.from(frame));
  if (!Buffer.isBuffer(packed)) throw new Error("the script answered no bytes");
  expect(packed.equals(packEnvelope(envelope))).toBe(true);
  expect(unpackAll(packed)).toEqual([{ ...envelope, frame }]);
});
