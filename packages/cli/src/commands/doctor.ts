// `rookery doctor`: whether one service would start here and keep its promises, as a list of checks with a fix for each that is not
// well. What is looked at, and how it is judged, is in doctor/; this file prints.
import { Argument } from "commander";
import type { Command } from "commander";
import type { ServiceName } from "@rookery/node";
import { visibleLine } from "../chat/visible-text.ts";
import type { Check, Verdict } from "../doctor/check.ts";
import { EXIT } from "../io.ts";
import type { Io } from "../io.ts";

const SERVICES = ["edge", "api", "persister", "migrate"] as const satisfies readonly ServiceName[];

export function doctor(command: Command, io: Io): void {
  command
    .addArgument(new Argument("[service]", "who is to run here").choices(SERVICES).default("edge"))
    .option("--json", "print one JSON object: ok, and the checks", false)
    .addHelpText("after", EXPLANATION)
    .action(async (service: ServiceName, { json }: { readonly json: boolean }) => {
      const { examine } = await import("../doctor/examine.ts");
      const { checks, areSettingsWrong } = await examine(service, io);
      const isWell = checks.every(({ verdict }) => verdict !== "trouble");
      if (json) io.out(JSON.stringify({ ok: isWell, checks }));
      else for (const line of linesOf(checks)) io.out(line);
      if (!isWell) io.exitWith(areSettingsWrong ? EXIT.config : EXIT.failed);
    });
}

const EXPLANATION = `
Reads the settings of the service as its start does; where none names a store, looks at the
\`rookery dev\` that runs in this directory. Changes nothing, and takes a few seconds at most.
Exit 0 when nothing is in trouble, 1 when something is, 78 when the settings are wrong.`;

const VERDICT_WIDTH = 7;

/** One line a check, and the sums. */
function linesOf(checks: readonly Check[]): readonly string[] {
  const width = Math.max(...checks.map(({ name }) => name.length));
  const lines = checks.map(({ name, verdict, found, fix }) => {
    const told = `${verdict.padEnd(VERDICT_WIDTH)}  ${name.padEnd(width)}  ${found}`;
    return visibleLine(fix === undefined ? told : `${told} -> ${fix}`);
  });
  const count = (wanted: Verdict): number => checks.filter(({ verdict }) => verdict === wanted).length;
  return [...lines, `${count("trouble")} in trouble, ${count("warning")} to look at, ${count("ok")} well`];
}
