// `rookery channel create|list|show|delete`: channels, by the api. A password comes by environment or file: what stands on
// a command line is seen by every user of the machine.
import { CHANNEL_KINDS } from "@rookery/protocol";
import { Option } from "commander";
import type { Command } from "commander";
import { secretIn } from "../control/api-address.ts";
import type { ApiOptions } from "../control/api-address.ts";
import { addPageOptions, apiSubcommand, ask, printEffect, printFields, printList } from "../control/api-command.ts";
import type { PageOptions } from "../control/api-command.ts";
import { UsageError } from "../io.ts";
import type { Io } from "../io.ts";
import { channelId, userId, wholeNumber } from "../option-values.ts";

interface CreateOptions extends ApiOptions {
  readonly kind: string;
  readonly owner?: string;
  readonly name?: string;
  readonly passwordFile?: string;
  readonly slowMode?: number;
  readonly retention?: number;
  readonly memberCap?: number;
}

interface ListOptions extends PageOptions {
  readonly kind?: string;
}

const PASSWORD = "RK_CHANNEL_PASSWORD";
const MOST_SEC = 86_400;
const MOST_DAYS = 36_500;
const MOST_MEMBERS = 1_000_000;
const KINDS = CHANNEL_KINDS.filter((kind) => kind !== "direct");

export function channel(command: Command, io: Io): void {
  apiSubcommand(command, "create", {
    summary: "make a channel",
    example: "rookery channel create staff --kind private --owner alice",
  })
    .argument("<channel>", "its id", channelId)
    .addOption(new Option("--kind <kind>", "who may come in").choices(KINDS).default("public"))
    .option("--owner <user>", "whose it is", userId)
    .option("--name <text>", "what people call it")
    .option("--password-file <file>", `of a password channel: the file's first line (or ${PASSWORD})`)
    .option("--slow-mode <s>", "the least time between two messages of a member", wholeNumber(0, MOST_SEC))
    .option("--retention <days>", "how long messages are kept", wholeNumber(1, MOST_DAYS))
    .option("--member-cap <n>", "how many may belong to it", wholeNumber(1, MOST_MEMBERS))
    .action(async (id: string, options: CreateOptions) => {
      const body = { id, ...(await givenChannel(options, io)) };
      printFields(await ask(options, io, { method: "POST", path: ["channels"], body }), options, io);
    });
  addPageOptions(
    apiSubcommand(command, "list", { summary: "list channels by id", example: "rookery channel list --kind private" }),
  )
    .addOption(new Option("--kind <kind>", "only those").choices([...CHANNEL_KINDS]))
    .action(async (options: ListOptions) => {
      const { kind, limit, cursor } = options;
      const found = await ask(options, io, { method: "GET", path: ["channels"], query: { kind, limit, cursor } });
      printList(found, options, io, { name: "channels", columns: ["id", "kind", "owner", "name", "createdAt"] });
    });
  apiSubcommand(command, "show", { summary: "show one channel", example: "rookery channel show lobby" })
    .argument("<channel>", "its id", channelId)
    .action(async (id: string, options: ApiOptions) => {
      printFields(await ask(options, io, { method: "GET", path: ["channels", id] }), options, io);
    });
  apiSubcommand(command, "delete", {
    summary: "delete a channel for good: its id is given to nobody again",
    example: "rookery channel delete staff",
  })
    .argument("<channel>", "its id", channelId)
    .action(async (id: string, options: ApiOptions) => {
      printEffect(await ask(options, io, { method: "DELETE", path: ["channels", id] }), options, io, `deleted ${id}`);
    });
}

async function givenChannel(options: CreateOptions, io: Io): Promise<Record<string, unknown>> {
  const { kind, owner, name, slowMode, retention, memberCap } = options;
  const password = kind === "password" ? await givenPassword(options, io) : undefined;
  const settings = without({ slowModeSec: slowMode, retentionDays: retention, memberCap });
  const own = without({ owner, name, password });
  return { kind, ...own, ...(Object.keys(settings).length === 0 ? {} : { settings }) };
}

async function givenPassword({ passwordFile }: CreateOptions, io: Io): Promise<string> {
  const given = passwordFile === undefined ? io.env[PASSWORD] : await secretIn(passwordFile, "--password-file", io);
  if (given !== undefined && given !== "") return given;
  throw new UsageError(`a password channel needs its password: set ${PASSWORD}, or name a file with --password-file`);
}

/** Without what was not given. */
function without(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
