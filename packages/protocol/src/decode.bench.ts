/**
 * Cost of decoding and checking an ordinary `send` of 200 bytes, against JSON.parse of its finished string alone.
 * Prints medians over rounds that take turns, so that a busy machine slows both. The aim is a ratio of at most 2.
 * Node 22: `node --conditions=source src/decode.bench.ts`. Node 20 strips no types: bundle it first with
 * `npx rolldown src/decode.bench.ts --platform node --file <file>.mjs`.
 */
import { createDecoder, DEFAULT_LIMITS } from "./index.ts";

const ROUNDS = 31;
const CALLS_PER_ROUND = 50_000;

function nsPerCall(call: () => unknown): number {
  let kept: unknown;
  const startMs = performance.now();
  for (let i = 0; i < CALLS_PER_ROUND; i++) kept = call();
  const tookMs = performance.now() - startMs;
  if (kept === undefined) throw new Error("the call gave nothing");
  return (tookMs * 1e6) / CALLS_PER_ROUND;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const bare = { type: "send", ref: "r-17", channel: "general", clientId: "V1StGXR8_Z5jdHi6B-myT", body: "" };
const room = 200 - JSON.stringify(bare).length;
const decode = createDecoder(DEFAULT_LIMITS);

/** The same length in bytes each: as most are, with an escape, beyond ASCII. */
const BODIES = {
  plain: "hello there ".repeat(20).slice(0, room),
  escaped: `line\n${"hello there ".repeat(20)}`.slice(0, room - 1),
  accented: `é${"hello there ".repeat(20)}`.slice(0, room - 1),
};

for (const [kind, body] of Object.entries(BODIES)) {
  const text = JSON.stringify({ ...bare, body });
  const bytes = new TextEncoder().encode(text);
  if (decode(bytes).kind === "refusal") throw new Error(`${kind}: the frame is refused`);
  const parse: number[] = [];
  const decoding: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    parse.push(nsPerCall((): unknown => JSON.parse(text)));
    decoding.push(nsPerCall(() => decode(bytes)));
  }
  const ratio = (median(decoding) / median(parse)).toFixed(2);
  const ns = `JSON.parse ${median(parse).toFixed(0)} ns, decode ${median(decoding).toFixed(0)} ns`;
  process.stdout.write(`${kind}, ${bytes.length} bytes: ${ns}, ratio ${ratio}\n`);
}
