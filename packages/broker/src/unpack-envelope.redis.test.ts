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

function doubles(...numbers: readonly number[]): Buffer {
  const bytes = Buffer.alloc(8 * numbers.length);
  for (const [n, number] of numbers.entries()) bytes.writeDoubleBE(number, 8 * n);
  return bytes;
}

const sequenced = { kind: "sequenced", exclude: "" } as const;
const envelopes: { readonly byte: number; readonly numbers: readonly number[]; readonly envelope: Envelope }[] = [
  {
    byte: 1,
    numbers: [1_760_000_000_123, 1_234_567, 1_760_000_000_123, 1_234_566],
    envelope: {
      ...sequenced,
      position: { epoch: 1_760_000_000_123, seq: 1_234_567 },
      prev: { epoch: 1_760_000_000_123, seq: 1_234_566 },
      frame: Buffer.from('{"type":"message","body":"naïve 🐦"}'),
    },
  },
  {
    byte: 1,
    numbers: [2 ** 53 - 1, 8, 1, 7],
    envelope: {
      ...sequenced,
      position: { epoch: 2 ** 53 - 1, seq: 8 },
      prev: { epoch: 1, seq: 7 },
      frame: Buffer.from("{}"),
    },
  },
  {
    byte: 2,
    numbers: [0, 0, 0, 0],
    envelope: { kind: "signal", exclude: "V1StGXR8_Z5jdHi6B-myT", frame: Buffer.from('{"type":"typing"}') },
  },
  {
    byte: 7,
    numbers: [1_760_000_000_123, 8, 1_750_000_000_123, 10],
    envelope: {
      kind: "correction",
      exclude: "",
      first: { epoch: 1_760_000_000_123, seq: 8 },
      former: { epoch: 1_750_000_000_123, seq: 7 },
      prev: { epoch: 1_750_000_000_123, seq: 10 },
      frame: doubles(1_750_000_000_123, 7),
    },
  },
  {
    byte: 4,
    numbers: [12, 1, 0, 0],
    envelope: {
      kind: "presence",
      online: 12,
      mode: "digest",
      exclude: "V1StGXR8_Z5jdHi6B-myT",
      frame: Buffer.from('{"type":"joined"}'),
    },
  },
];

it.each(envelopes)(
  "a script of Redis packs the same bytes: $envelope.kind $numbers",
  async ({ byte, numbers, envelope }) => {
    const { exclude, frame } = envelope;
    const packed = await server.redis.callBuffer(
      "EVAL",
      inLua,
      0,
      byte,
      exclude,
      ...numbers.map(String),
      Buffer.from(frame),
    );
    if (!Buffer.isBuffer(packed)) throw new Error("the script answered no bytes");
    expect(packed.equals(packEnvelope(envelope))).toBe(true);
    expect(unpackAll(packed)).toEqual([envelope]);
  },
);
