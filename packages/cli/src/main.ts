// The `rookery` command: one table of everything it can do, and the way from a command line to an exit code. Called by
// bin/rookery.js. A command's flags and work are in its own file under commands/; this one knows only names.
import { Command, CommanderError } from "commander";
import type { Option } from "commander";
import { SettingsError, VERSION } from "@rookery/runtime";
import { channel } from "./commands/channel.ts";
import { audit } from "./commands/audit.ts";
import { chat } from "./commands/chat.ts";
import { config } from "./commands/config.ts";
import { deadLetters } from "./commands/dead-letters.ts";
import { dev } from "./commands/dev.ts";
import { doctor } from "./commands/doctor.ts";
import { explain } from "./commands/explain.ts";
import { key } from "./commands/key.ts";
import { member } from "./commands/member.ts";
import { migrate } from "./commands/migrate.ts";
import { drain, nodes } from "./commands/nodes.ts";
import { sanction } from "./commands/sanctions.ts";
import { send } from "./commands/send.ts";
import { service } from "./commands/service.ts";
import { tail } from "./commands/tail.ts";
import { token } from "./commands/token.ts";
import { disconnect, notice } from "./commands/users.ts";
import { EXIT, messageOf, UsageError } from "./io.ts";
import type { Entry, Io } from "./io.ts";
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
  { name: "doctor", build: doctor, example: "ROOKERY_CONFIG=rookery.yaml rookery doctor edge",
    summary: "tell whether a service would run well here: ports, limits, Redis, Postgres, clocks, with a fix for each" },
  { name: "token", build: token, example: "rookery token create --user alice",
    summary: "make a user token, or look into one" },
  { name: "key", build: key, example: "rookery key create --name backend --scope tokens",
    summary: "make, list or revoke API keys" },
  { name: "send", build: send, example: "rookery send lobby 'hello there' --as alice --persisted",
    summary: "send one message to a channel" },
  { name: "tail", build: tail, example: "rookery tail lobby --as bob",
    summary: "follow a channel, through reconnects and without a hole" },
  { name: "chat", build: chat, example: "rookery chat lobby --as carol",
    summary: "talk in a channel: a screen in a terminal, plain lines in a pipe" },
  { name: "channel", build: channel, example: "rookery channel create staff --kind private --owner alice",
    summary: "make, list, show or delete channels" },
  { name: "member", build: member, example: "rookery member set staff bob --role moderator",
    summary: "give and take roles in a channel" },
  { name: "ban", build: sanction("ban"), example: "rookery ban bob --channel lobby --for 1h --reason spam",
    summary: "shut a user out of a channel, or out of the cluster; exit 1 when an edge has not confirmed it in time" },
  { name: "unban", build: sanction("unban"), example: "rookery unban bob --channel lobby",
    summary: "end a ban" },
  { name: "mute", build: sanction("mute"), example: "rookery mute bob --channel lobby --for 10m",
    summary: "let a user read a channel and not write" },
  { name: "unmute", build: sanction("unmute"), example: "rookery unmute bob --channel lobby",
    summary: "end a mute" },
  { name: "kick", build: sanction("kick"), example: "rookery kick bob --channel lobby --reason 'off topic'",
    summary: "take a user out of a channel, who may come back" },
  { name: "notice", build: notice, example: "rookery notice bob 'your export is ready'",
    summary: "send a notice to every session of a user" },
  { name: "disconnect", build: disconnect, example: "rookery disconnect bob",
    summary: "close every session of a user, who may connect again" },
  { name: "nodes", build: nodes, example: "rookery nodes --json",
    summary: "list the processes of the cluster with their load" },
  { name: "drain", build: drain, example: "rookery drain edge-1.k3f9",
    summary: "have an edge send its clients elsewhere and end" },
  { name: "explain", build: explain, example: "rookery explain --message V1StGXR8_Z5jdHi6B-myT --user bob",
    summary: "tell why a message did or did not reach a user" },
  { name: "audit", build: audit, example: "rookery audit tail --kind ban",
    summary: "follow what happened, or verify that its log was not tampered with" },
  { name: "dead-letters", build: deadLetters, example: "rookery dead-letters list --channel lobby",
    summary: "list what Postgres would not take, try it again or give it up" },
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
  return { ...standardOutput(err), err, entry, cwd: process.cwd(), env: process.env };
}

function entry(): Entry {
  const { stdin, stdout } = process;
  return { input: stdin, screen: stdin.isTTY && stdout.isTTY ? stdout : undefined };
}
