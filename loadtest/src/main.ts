// `npm run bench [name ...]`: runs the named benches, or all of them, one after another, and prints their ratios.
// `--redis sentinel` or `--redis cluster` runs those that know more than one server on such a Redis.

import { parseArgs } from "node:util";
import { REDIS_KINDS } from "@rookery/servers";
import type { RedisKind } from "@rookery/servers";
import { accept } from "./accept.ts";
import { codec } from "./codec.ts";
import { connect } from "./connect.ts";
import { control } from "./control.ts";
import { drain } from "./drain.ts";
import { fanOut } from "./fan-out.ts";
import { growth } from "./growth.ts";
import { idle } from "./idle.ts";
import { life } from "./life.ts";
import { publish } from "./publish.ts";
import { reads } from "./reads.ts";
import { publishReport } from "./report.ts";
import type { Report } from "./report.ts";
import { slow } from "./slow.ts";
import { start } from "./start.ts";
import { storm } from "./storm.ts";

interface Wishes {
  readonly kind: RedisKind;
}

const BENCHES: Readonly<Record<string, (wishes: Wishes) => Report | Promise<Report> | AsyncGenerator<Report>>> = {
  codec,
  connect,
  publish,
  accept,
  drain,
  "fan-out": fanOut,
  growth,
  idle,
  reads,
  life,
  control,
  slow,
  start,
  storm,
};

/** Benches that run on any topology of Redis. */
const ANYWHERE: readonly string[] = ["drain"];

const { values, positionals: wanted } = parseArgs({
  allowPositionals: true,
  options: { redis: { type: "string", default: "single" } },
});
const kind = REDIS_KINDS.find((each) => each === values.redis);
if (kind === undefined || (kind !== "single" && wanted.some((name) => !ANYWHERE.includes(name)))) {
  process.stderr.write(`--redis is one of ${REDIS_KINDS.join(", ")}, and goes with ${ANYWHERE.join(", ")}\n`);
  process.exit(2);
}
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  process.stderr.write(`no bench is called ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}\n`);
  process.exit(2);
}
for (const [name, run] of Object.entries(BENCHES)) {
  if (wanted.length > 0 ? !wanted.includes(name) : kind !== "single" && !ANYWHERE.includes(name)) continue;
  const found = run({ kind });
  if (Symbol.asyncIterator in found) for await (const part of found) publishReport(part);
  else publishReport(await found);
}
