// `rookery config check|print|docs`: what the settings of a service are, where each came from, and what is wrong with
// them. The table is the cluster's, which judges as a start does and masks secrets; this file prints. It is loaded when
// asked for, since it brings the drivers with it and most commands need none.
import { Argument } from "commander";
import type { Command } from "commander";
import type { ServiceName } from "@rookery/node";
import { SettingsError } from "@rookery/runtime";
import type { SettingsProblem } from "@rookery/runtime";
import type { Io } from "../io.ts";

const SERVICES = ["edge", "api", "persister", "migrate"] as const satisfies readonly ServiceName[];

const aService = (): Argument => new Argument("<service>", "whose settings").choices(SERVICES);
const anyService = (): Argument => new Argument("[service]", "whose settings; all when left out").choices(SERVICES);

export function config(command: Command, io: Io): void {
  command
    .command("check")
    .description(
      "judge settings just as a start does, here on this machine; exit 78 and every problem when they are wrong",
    )
    .addArgument(anyService())
    .addHelpText("after", "\nExample:\n  ROOKERY_CONFIG=rookery.yaml rookery config check edge")
    .action(async (service: ServiceName | undefined) => {
      for (const line of await check(service === undefined ? SERVICES : [service], io)) io.out(line);
    });
  command
    .command("print")
    .description("show each setting in force and where it came from, secrets masked")
    .addArgument(aService())
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  rookery config print edge --json")
    .action(async (service: ServiceName, { json }: { readonly json: boolean }) => {
      const { clusterSettings } = await import("@rookery/node");
      const settings = clusterSettings.inspect(service, { env: io.env });
      if (json) io.out(JSON.stringify({ settings }));
      else for (const { env, value, source } of settings) io.out(`${env}=${value}  (${source})`);
    });
  command
    .command("docs")
    .description("print every setting as a Markdown table")
    .addHelpText("after", "\nExample:\n  rookery config docs > SETTINGS.md")
    .action(async () => {
      const { clusterSettings } = await import("@rookery/node");
      io.out(clusterSettings.describe());
    });
}

/** A line for each service; throws one `SettingsError` with the problems of all of them, each once. */
async function check(services: readonly ServiceName[], io: Io): Promise<readonly string[]> {
  const { clusterSettings } = await import("@rookery/node");
  const lines: string[] = [];
  const problems = new Map<string, SettingsProblem>();
  for (const service of services) {
    try {
      lines.push(`${(await clusterSettings.check(service, { env: io.env })).length} settings of ${service} are fine`);
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      for (const problem of error.problems) problems.set(JSON.stringify(problem), problem);
    }
  }
  if (problems.size > 0) throw new SettingsError([...problems.values()]);
  return lines;
}
