// `rookery ban`, `unban`, `mute`, `unmute`, `kick`: what is done about a user, in one channel or everywhere, by the api. One
// table: each differs in its path and in what it may be given.
import type { Command } from "commander";
import { addApiOptions } from "../control/api-address.ts";
import type { ApiOptions } from "../control/api-address.ts";
import { ask, printEffect } from "../control/api-command.ts";
import { UsageError } from "../io.ts";
import type { Io } from "../io.ts";
import { channelId, durationSec, userId } from "../option-values.ts";

interface SanctionOptions extends ApiOptions {
  readonly channel?: string;
  readonly everywhere?: boolean;
  readonly for?: number;
  readonly reason?: string;
}

interface Sanction {
  readonly method: "PUT" | "DELETE" | "POST";
  /** Under a channel. */
  readonly list: "bans" | "mutes" | "kicks";
  readonly done: string;
  readonly takesEverywhere: boolean;
  readonly takesTime: boolean;
  readonly takesReason: boolean;
}

const GIVEN = { method: "PUT", takesTime: true, takesReason: true } as const;
const LIFTED = { method: "DELETE", takesTime: false, takesReason: false } as const;

// prettier-ignore
const SANCTIONS = {
  ban: { ...GIVEN, list: "bans", done: "banned", takesEverywhere: true },
  unban: { ...LIFTED, list: "bans", done: "no longer banned", takesEverywhere: true },
  mute: { ...GIVEN, list: "mutes", done: "muted", takesEverywhere: false },
  unmute: { ...LIFTED, list: "mutes", done: "no longer muted", takesEverywhere: false },
  kick: { method: "POST", takesTime: false, takesReason: true, list: "kicks", done: "kicked", takesEverywhere: false },
} as const satisfies Record<string, Sanction>;

export function sanction(name: keyof typeof SANCTIONS): (command: Command, io: Io) => void {
  const row: Sanction = SANCTIONS[name];
  return (command, io) => {
    command.argument("<user>", "user id", userId).option("--channel <id>", "in this channel", channelId);
    if (row.takesEverywhere) command.option("--everywhere", "in the whole cluster");
    if (row.takesTime) command.option("--for <time>", "such as 90s, 10m, 2h, 7d (default: for good)", durationSec);
    if (row.takesReason) command.option("--reason <text>", "shown to the user, and kept");
    addApiOptions(command).action(async (user: string, options: SanctionOptions) => {
      const path = pathOf(row, user, options);
      const body = row.method === "DELETE" ? {} : { body: bodyOf(options) };
      const where = options.channel === undefined ? "everywhere" : `in ${options.channel}`;
      const answer = await ask(options, io, { method: row.method, path, ...body });
      printEffect(answer, options, io, `${user} is ${row.done} ${where}`);
    });
  };
}

/** To say neither is a mistake that would reach too far or not far enough. */
function pathOf(row: Sanction, user: string, { channel, everywhere = false }: SanctionOptions): readonly string[] {
  if (channel !== undefined && !everywhere) return ["channels", channel, row.list, user];
  if (channel === undefined && everywhere) return ["users", user, "ban"];
  const choice = row.takesEverywhere ? "either --channel <id> or --everywhere" : "--channel <id>";
  throw new UsageError(`say where: ${choice}`);
}

function bodyOf({ for: forSec, reason }: SanctionOptions): Record<string, unknown> {
  return { ...(forSec === undefined ? {} : { forSec }), ...(reason === undefined ? {} : { reason }) };
}
