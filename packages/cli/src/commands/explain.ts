// `rookery explain`: why a message did or did not reach a user, step by step, by the api.
import type { Command } from "commander";
import { visibleLine } from "../chat/visible-text.ts";
import { addApiOptions } from "../control/api-address.ts";
import type { ApiOptions } from "../control/api-address.ts";
import { ask } from "../control/api-command.ts";
import { listOf, tableLines } from "../control/shown.ts";
import type { Io } from "../io.ts";
import { channelId, userId } from "../option-values.ts";

interface ExplainOptions extends ApiOptions {
  readonly message: string;
  readonly user: string;
  readonly channel?: string;
}

export function explain(command: Command, io: Io): void {
  command
    .requiredOption("--message <id>", "the message's id")
    .requiredOption("--user <id>", "whom it did or did not reach", userId)
    .option("--channel <id>", "its channel: needed while Postgres does not have it yet", channelId);
  addApiOptions(command).action(async (options: ExplainOptions) => {
    const { message, user, channel } = options;
    const query = { message, user, ...(channel === undefined ? {} : { channel }) };
    const answer = await ask(options, io, { method: "GET", path: ["explain"], query });
    if (options.json) return io.out(JSON.stringify(answer));
    for (const line of tableLines(listOf(answer, "steps"), ["at", "ok", "what", "evidence"])) io.out(line);
    return io.out(visibleLine(String(answer["verdict"])));
  });
}
