// `rookery config check|print|docs`: what the settings of a service are, where each came from, and what is wrong with
// them. The table and the judgement are the runtime's; this file prints. Secrets are masked by the runtime.
import { Argument } from "commander";
import type { Command } from "commander";
import { describeSettings, inspectSettings } from "@rookery/runtime";
import type { ServiceName } from "@rookery/runtime";
import type { Io } from "../io.ts";

const SERVICES = ["edge", "api", "persister", "migrate"] as const satisfies readonly ServiceName[];

const aService = (): Argument => new Argument("<service>", "whose settings").choices(SERVICES);

export function config(command: Command, io: Io): void {
  command
    .command("check")
    .description("judge the settings that a service would start with; exit 78 and every problem when they are wrong")
    .addArgument(aService())
    .addHelpText("after", "\nExample:\n  ROOKERY_CONFIG=rookery.yaml rookery config check edge")
    .action((service: ServiceName) => {
      const settings = inspectSettings(service, { env: io.env });
      io.out(`${settings.length} settings of ${service} are fine`);
    });
  command
    .command("print")
    .description("show each setting in force and where it came from, secrets masked")
    .addArgument(aService())
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  rookery config print edge --json")
    .action((service: ServiceName, { json }: { readonly json: boolean }) => {
      const settings = inspectSettings(service, { env: io.env });
      if (json) io.out(JSON.stringify({ settings }));
      else for (const { env, value, source } of settings) io.out(`${env}=${value}  (${source})`);
    });
  command
    .command("docs")
    .description("print every setting as a Markdown table")
    .addHelpText("after", "\nExample:\n  rookery config docs > SETTINGS.md")
    .action(() => io.out(describeSettings()));
}
