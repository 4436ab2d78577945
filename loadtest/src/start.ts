// start: CPU that a process spends before its first own line of work, in rounds that take turns: a bare Node, an edge, which
// is one file and ends here at once for want of settings, and for comparison the modules of TypeBox alone, a part of what
// an edge consists of, loaded one by one.

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { median, round } from "./report.ts";
import type { Report } from "./report.ts";

const ROUNDS = 9;
/** A package that has TypeBox among its dependencies: the shell of each round stands there. */
const RUNTIME = fileURLToPath(new URL("../../packages/runtime/", import.meta.url));

export function start(): Report {
  const edge = import.meta.resolve("@rookery/edge");
  const sides = [
    { what: "bare Node", code: "" },
    { what: "edge, one file", code: `await import(${JSON.stringify(edge)});` },
    { what: "TypeBox alone, as modules", code: 'await import("typebox"); await import("typebox/compile");' },
  ].map((side) => ({ ...side, cpuMs: [] as number[] }));
  for (let n = 0; n < ROUNDS; n += 1) for (const { code, cpuMs } of sides) cpuMs.push(cpuMsOf(code));
  return { name: "start", rows: sides.map(({ what, cpuMs }) => ({ what, "CPU ms": round(median(cpuMs)) })) };
}

/** User and system time of a whole process that runs this code. */
function cpuMsOf(code: string): number {
  const report =
    "process.on('exit', () => { const { user, system } = process.cpuUsage(); console.log(user + system); });";
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", `${report}\n${code}`], {
    cwd: RUNTIME,
    // Without settings an edge names what is missing and ends.
    env: { PATH: process.env["PATH"] },
    encoding: "utf8",
  });
  const micros = Number(stdout.trim().split("\n").at(-1));
  if (!(micros > 0)) throw new Error(`start: no figure came from ${code === "" ? "bare Node" : code}`);
  return micros / 1000;
}
