// The `rookery` command: one table of everything it can do, and the way from a command line to an exit code. Called by
// bin/rookery.js. A command's flags and work are in its own file under commands/; this one knows only names.
import { Command, CommanderError } from "commander";
import type { Option } from "commander";
import { SettingsError, VERSION } from "@rookery/runtime";
import { config } from "./commands/config.ts";
import { dev } from "./commands/dev.ts";
import { migrate } from "./commands/migrate.ts";
import { send } from "./commands/send.ts";
import { service } from "./commands/service.ts";
import { tail } from "./commands/tail.ts";
import { token } from "./commands/token.ts";
import { EXIT, messageOf, UsageError } from "./io.ts";
import type { Io } from "./io.ts";
import { standardOutput } from "./standard-output.ts";

export interface CommandRow {
  readonly name: string;
  readonly summary: string;
  /** One command line that works as it stands, shown under its help. */
  readonly example: string;
  /** Adds arguments, options, subcommands and the action. */
  readonly build: (command: Command, io: Io) => void;
}

// prettier-ignore
export const COMMANDS: readonly CommandRow[] = [
  { name: "dev", build: dev, example: "rookery dev --edges 3 --ephemeral",
    summary: "run a whole cluster on this machine: Redis, Postgres, edges, api, persister" },
  { name: "edge", build: service("edge"), example: "ROOKERY_PORT=7700 rookery edge",
    summary: "run one edge in the foreground" },
  { name: "api", build: service("api"), example: "ROOKERY_PORT=7702 rookery api",
    summary: "run one api in the foreground" },
  { name: "persister", build: service("persister"), example: "ROOKERY_INTERNAL_PORT=9466 rookery persister",
    summary: "run one persister in the foreground" },
  { name: "migrate", build: migrate, example: "rookery migrate status --json",
    summary: "bring the Postgres schema up to date, or tell how it stands" },
  { name: "token", build: token, example: "rookery token create --user alice",
    summary: "make a user token, or look into one" },
  { name: "send", build: send, example: "rookery send lobby 'hello there' --as alice --persisted",
    summary: "send one message to a channel" },
  { name: "tail", build: tail, example: "rookery tail lobby --as bob",
    summary: "follow a channel, through reconnects and without a hole" },
  { name: "config", build: config, example: "rookery config check edge",
    summary: "check, show or document the settings" },
];

/** Runs one command line (without `node` and the script) and resolves to its exit code; never rejects. */
export async function main(argv: readonly string[], world: World = processWorld()): Promise<number> {
  const code = await codeOf(argv, world);
  const lost = await world.outFlushed();
  // What was asked for was done, but nobody can know what came of it.
  return lost !== undefined && code === EXIT.done ? EXIT.failed : code;
}

type World = Omit<Io, "exitWith">;

async function codeOf(argv: readonly string[], world: World): Promise<number> {
  let code: number = EXIT.done;
  const exitWith = (wanted: number): void => {
    code = wanted;
  };
  try {
    await program({ ...world, exitWith }).parseAsync(argv, { from: "user" });
    return code;
  } catch (error) {
    return exitCodeOf(error, world);
  }
}

function program(io: Io): Command {
  const root = new Command("rookery")
    .description("A chat cluster that grows sideways.")
    .version(VERSION, "-V, --version", "show the version")
    .exitOverride()
    .configureHelp({ optionDescription })
    .showHelpAfterError("(--help shows what is possible)")
    .configureOutput({ writeOut: (text) => io.out(text.trimEnd()), writeErr: (text) => io.err(text.trimEnd()) });
  for (const row of COMMANDS) {
    const command = root.command(row.name).description(row.summary);
    command.addHelpText("after", `\nExample:\n  ${row.example}`);
    row.build(command, io);
  }
  return root;
}

/** A default of `false` or of nothing says no more than the option's absence. */
function optionDescription({ description, defaultValue }: Option): string {
  const isTold = typeof defaultValue === "number" || typeof defaultValue === "string";
  return isTold ? `${description} (default: ${defaultValue})` : description;
}

function exitCodeOf(error: unknown, world: World): number {
  // Commander has printed its own complaint, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  world.err(`rookery: ${messageOf(error)}`);
  if (error instanceof UsageError) return EXIT.usage;
  return error instanceof SettingsError ? EXIT.config : EXIT.failed;
}

function processWorld(): World {
  const { stderr } = process;
  stderr.on("error", () => undefined);
  const err = (line: string): void => void stderr.write(`${line}\n`);
  return { ...standardOutput(err), err, cwd: process.cwd(), env: process.env };
}
