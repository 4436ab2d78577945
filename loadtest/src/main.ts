// `npm run bench [name ...]`: runs the named benches, or all of them, one after another, and prints their ratios.

import { accept } from "./accept.ts";
import { codec } from "./codec.ts";
import { connect } from "./connect.ts";
import { drain } from "./drain.ts";
import { fanOut } from "./fan-out.ts";
import { growth } from "./growth.ts";
import { idle } from "./idle.ts";
import { publish } from "./publish.ts";
import { publishReport } from "./report.ts";
import type { Report } from "./report.ts";
import { start } from "./start.ts";

const BENCHES: Readonly<Record<string, () => Report | Promise<Report>>> = {
  codec,
  connect,
  publish,
  accept,
  drain,
  "fan-out": fanOut,
  growth,
  idle,
  start,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  process.stderr.write(`no bench is called ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}\n`);
  process.exit(2);
}
for (const [name, run] of Object.entries(BENCHES)) {
  if (wanted.length === 0 || wanted.includes(name)) publishReport(await run());
}
