// `rookery dead-letters list|retry|drop`: entries that Postgres would not take, straight in Postgres. What may be stored late is
// the store's to judge; this file names letters by number and prints. Must never print what a letter says.
import type { CommandGiver, DeadLetters, LetterQuestion, Retried } from "@rookery/store";
import type { Command } from "commander";
import { inPostgres, postgresSubcommand } from "../control/in-postgres.ts";
import type { PostgresOptions } from "../control/in-postgres.ts";
import { tableLines } from "../control/shown.ts";
import { EXIT, UsageError } from "../io.ts";
import type { Io } from "../io.ts";
import { channelId, wholeNumber } from "../option-values.ts";

interface ListOptions extends PostgresOptions {
  readonly channel?: string;
  readonly quarantine: boolean;
  readonly after: number;
  readonly limit: number;
}

interface RetryOptions extends PostgresOptions {
  readonly channel?: string;
  readonly all: boolean;
}

const COLUMNS = ["id", "at", "channel", "position", "bytes", "reason"];
const CASE_COLUMNS = ["id", "at", "channel", "position", "message", "heldBy", "standsAt"];
const MOST_LISTED = 1000;
const A_PAGE = 200;
const NOTHING = "nothing to retry: there is no dead letter";
const letterNumber = wholeNumber(1, Number.MAX_SAFE_INTEGER);
const numbers = (text: string, sofar: readonly number[] = []): readonly number[] => [...sofar, letterNumber(text)];

/**
 * Whoever asks for all there are is not failed by letters that nobody is owed any more: their messages were deleted, their
 * channels do not keep them, or somebody else has dealt with them meanwhile.
 */
const OWED_TO_NOBODY: ReadonlySet<Retried["kind"]> = new Set(["deleted", "gone", "unknown"]);

/** What became of a letter, in words for an operator. */
const OUTCOMES: Readonly<Record<Retried["kind"], string>> = {
  stored: "stored",
  unknown: "no dead letter has this number",
  deleted: "its message was deleted: drop it",
  gone: "its channel does not keep it any more: drop it",
  taken: "another message stands at its position or has its id",
  refused: "still",
  unreadable: "this version cannot read it:",
};

export function deadLetters(command: Command, io: Io): void {
  postgresSubcommand(
    command,
    "list",
    "list dead letters, the oldest first, without their texts",
    "rookery dead-letters list --json",
  )
    .option("--channel <id>", "only of this channel", channelId)
    .option("--quarantine", "instead, messages whose position or id was another's", false)
    .option("--after <id>", "only those with a higher number", wholeNumber(0, Number.MAX_SAFE_INTEGER), 0)
    .option("--limit <n>", "at most so many", wholeNumber(1, MOST_LISTED), 100)
    .action((options: ListOptions) => withLetters(options, io, (letters) => list(letters, options, io)));
  postgresSubcommand(
    command,
    "retry",
    "store letters where they were announced; exit 1 when one was not, but for those of --all that only remain to be dropped",
    "rookery dead-letters retry 12 13",
  )
    .argument("[id...]", "their numbers, as `rookery dead-letters list` tells them", numbers)
    .option("--all", "every letter there is", false)
    .option("--channel <id>", "with --all: every letter of this channel", channelId)
    .action((ids: readonly number[], options: RetryOptions) => {
      const { all, channel } = options;
      if (all === ids.length > 0) throw new UsageError("name letters by their numbers, or say --all");
      if (channel !== undefined && !all) throw new UsageError("--channel goes with --all");
      return withLetters(options, io, (letters, by) => retry(letters, by, ids, options, io));
    });
  postgresSubcommand(
    command,
    "drop",
    "give letters up: they are never stored, and their positions stay deleted messages in Postgres",
    "rookery dead-letters drop 12",
  )
    .argument("<id...>", "their numbers", numbers)
    .action((ids: readonly number[], options: PostgresOptions) =>
      withLetters(options, io, (letters, by) => drop(letters, by, ids, options, io)),
    );
}

async function withLetters(
  options: PostgresOptions,
  io: Io,
  work: (letters: DeadLetters, by: CommandGiver) => Promise<void>,
): Promise<void> {
  const { createDeadLetters } = await import("@rookery/store");
  await inPostgres(options, io, "rookery dead-letters", (store, by) => work(createDeadLetters(store), by));
}

async function list(letters: DeadLetters, options: ListOptions, io: Io): Promise<void> {
  const { channel, after, limit, quarantine, json } = options;
  const question: LetterQuestion = { channel: channel ?? null, after, limit };
  const rows = quarantine ? await letters.quarantined(question) : await letters.list(question);
  if (json) return io.out(JSON.stringify({ [quarantine ? "quarantine" : "letters"]: rows }));
  const shown = rows.map((row) => ({ ...row }));
  for (const line of tableLines(shown, quarantine ? CASE_COLUMNS : COLUMNS)) io.out(line);
  return undefined;
}

async function retry(
  letters: DeadLetters,
  by: CommandGiver,
  ids: readonly number[],
  { all, channel, json }: RetryOptions,
  io: Io,
): Promise<void> {
  let tried = 0;
  for await (const id of all ? everyLetter(letters, channel ?? null) : ids) {
    const retried = await letters.retry(id, by);
    const reason = "reason" in retried ? retried.reason : undefined;
    if (json) io.out(JSON.stringify({ id, outcome: retried.kind, ...(reason === undefined ? {} : { reason }) }));
    else io.out(`${id}  ${OUTCOMES[retried.kind]}${reason === undefined ? "" : ` ${reason}`}`);
    if (retried.kind !== "stored" && !(all && OWED_TO_NOBODY.has(retried.kind))) io.exitWith(EXIT.failed);
    tried += 1;
  }
  if (tried === 0) (json ? io.err : io.out)(channel === undefined ? NOTHING : `${NOTHING} of ${channel}`);
}

/** By their numbers, each once: one that stays a letter is not met again. */
async function* everyLetter(letters: DeadLetters, channel: string | null): AsyncGenerator<number> {
  for (let after = 0; ;) {
    const page = await letters.list({ channel, after, limit: A_PAGE });
    for (const { id } of page) yield id;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}

async function drop(
  letters: DeadLetters,
  by: CommandGiver,
  ids: readonly number[],
  { json }: PostgresOptions,
  io: Io,
): Promise<void> {
  for (const id of ids) {
    const wasThere = await letters.drop(id, by);
    if (json) io.out(JSON.stringify({ id, dropped: wasThere }));
    else io.out(wasThere ? `${id}  dropped` : `${id}  ${OUTCOMES.unknown}`);
    if (!wasThere) io.exitWith(EXIT.failed);
  }
}
