// codec: decode and validate of a 200-byte `send` with every rule on, against JSON.parse of the same text alone. Rounds of
// both interleave in one process; the ratio is the median of the rounds'.

import { createDecoder, DEFAULT_LIMITS } from "@rookery/protocol";
import { median, round } from "./report.ts";
import type { Report } from "./report.ts";

const ROUNDS = 21;
const CALLS = 100_000;

export function codec(): Report {
  const frame = { type: "send", ref: "r-000001", channel: "lobby", clientId: "c-0123456789abcdef", body: "" };
  const text = JSON.stringify({
    ...frame,
    body: "Hello there, ".repeat(20).slice(0, 200 - JSON.stringify(frame).length),
  });
  const bytes = new TextEncoder().encode(text);
  const decode = createDecoder(DEFAULT_LIMITS);
  const utf8 = new TextDecoder();
  const sides = {
    parse: () => void JSON.parse(text),
    parseBytes: () => void JSON.parse(utf8.decode(bytes)),
    decode: () => void decode(bytes),
  };
  if (decode(bytes).kind === "refusal") throw new Error("codec: the frame of the bench is not a good one");
  const times = { parse: [] as number[], parseBytes: [] as number[], decode: [] as number[] };
  for (let n = 0; n < ROUNDS; n += 1) {
    for (const side of ["parse", "parseBytes", "decode"] as const) times[side].push(nanosecondsPerCall(sides[side]));
  }
  const ratio = (over: "parse" | "parseBytes"): number =>
    round(median(times.decode.map((ns, n) => ns / (times[over][n] ?? 1))));
  const row = (what: string, side: keyof typeof times) => ({ what, "ns/call": round(median(times[side])) });
  return {
    name: "codec",
    frameBytes: bytes.length,
    rows: [
      { ...row("JSON.parse of the text", "parse"), "decode costs": `${ratio("parse")}x`, target: "<= 2x" },
      { ...row("JSON.parse of the bytes", "parseBytes"), "decode costs": `${ratio("parseBytes")}x`, target: "" },
      { ...row("decode + validate", "decode"), "decode costs": "1x", target: "" },
    ],
  };
}

function nanosecondsPerCall(call: () => void): number {
  const started = process.hrtime.bigint();
  for (let n = 0; n < CALLS; n += 1) call();
  return Number(process.hrtime.bigint() - started) / CALLS;
}
