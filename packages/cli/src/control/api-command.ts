// What every command that asks the api has in common: its options, the question, and the answer printed as JSON or for a
// person. Called by the files under commands/.
import type { Command } from "commander";
import { EXIT } from "../io.ts";
import type { Io } from "../io.ts";
import { wholeNumber } from "../option-values.ts";
import { addApiOptions, findApi } from "./api-address.ts";
import type { ApiOptions } from "./api-address.ts";
import { askApi } from "./api-client.ts";
import type { ApiQuestion, JsonObject } from "./api-client.ts";
import { effectOf, fieldLines, listOf, tableLines } from "./shown.ts";

export interface PageOptions extends ApiOptions {
  readonly limit?: number;
  readonly cursor?: string;
}

const MOST_IN_A_PAGE = 1000;

interface Subcommand {
  readonly summary: string;
  readonly example: string;
}

/** A subcommand with the options of all of them. Arguments and options of its own, and the action, are the caller's. */
export function apiSubcommand(command: Command, name: string, { summary, example }: Subcommand): Command {
  const made = command.command(name).description(summary).addHelpText("after", `\nExample:\n  ${example}`);
  return addApiOptions(made);
}

export function addPageOptions(command: Command): Command {
  return command
    .option("--limit <n>", "how many at most", wholeNumber(1, MOST_IN_A_PAGE))
    .option("--cursor <text>", "go on where the last page ended");
}

export async function ask(options: ApiOptions, io: Io, question: ApiQuestion): Promise<JsonObject> {
  return askApi(await findApi(options, io), question);
}

/** One line for each object of a list; where there is more, how to get it. */
export function printList(
  answer: JsonObject,
  { json }: ApiOptions,
  io: Io,
  { name, columns }: { readonly name: string; readonly columns: readonly string[] },
): void {
  if (json) return io.out(JSON.stringify(answer));
  for (const line of tableLines(listOf(answer, name), columns)) io.out(line);
  const { cursor } = answer;
  if (typeof cursor === "string") io.err(`there is more: --cursor ${cursor}`);
}

export function printFields(answer: JsonObject, { json }: ApiOptions, io: Io): void {
  if (json) io.out(JSON.stringify(answer));
  else for (const line of fieldLines(answer)) io.out(line);
}

/** What was ordered is decided once the api has answered; exit 1 says that some edge has not said yet that it obeys. */
export function printEffect(answer: JsonObject, { json }: ApiOptions, io: Io, done: string): void {
  const effect = effectOf(answer);
  if (json) io.out(JSON.stringify(answer));
  else io.out(effect === undefined ? done : `${done}: ${effect.line}`);
  if (effect?.isConfirmed === false) io.exitWith(EXIT.failed);
}
