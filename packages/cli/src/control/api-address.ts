// Where the api is and with which key to ask it: from flags and the environment, else from the note that a running `dev`
// left in this directory. Called by every command that asks the api. A key comes by environment, file or note, never on a
// command line, and goes to no api but the one it was given for.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { addressIn, dataFolder } from "../chat/endpoint.ts";
import { DATA_FOLDER, readClusterFile } from "../cluster-file.ts";
import { messageOf, UsageError } from "../io.ts";
import type { Io } from "../io.ts";
import { address } from "../option-values.ts";

export interface ApiOptions {
  readonly api?: string;
  readonly data?: string;
  readonly json: boolean;
}

export interface ApiAddress {
  readonly api: string;
  readonly key: string;
}

/** Variables of the command line alone. */
const ENV = { api: "RK_API", key: "RK_API_KEY", keyFile: "RK_API_KEY_FILE" } as const;
/** What may stand in a header: whatever else was given is told here, since the runtime would repeat it in its complaint. */
const IN_A_HEADER = /^[!-~]+$/;

// prettier-ignore
export function addApiOptions(command: Command): Command {
  return command
    .option("--api <address>", `the api's address (or ${ENV.api}); its key is in ${ENV.key} or in the file named by ${ENV.keyFile}`, address("http", "https"))
    .option("--data <folder>", `data folder of the \`rookery dev\` to talk to (default: ${DATA_FOLDER} here)`)
    .option("--json", "print the api's answer as JSON", false);
}

/** Throws a usage error when nothing tells where the api is or which key to show it. */
export async function findApi(given: Omit<ApiOptions, "json">, io: Io): Promise<ApiAddress> {
  const api = given.api ?? addressIn(io, ENV.api, "http", "https");
  const key = await givenKey(io);
  if (api !== undefined && key !== undefined) return { api, key };
  const note = await readClusterFile(dataFolder(given, io));
  const where = api ?? note?.api;
  if (where === undefined) {
    throw new UsageError(
      `no cluster runs here: start one with \`rookery dev\`, name its folder with --data, or set ${ENV.api} and ${ENV.key} or ${ENV.keyFile}`,
    );
  }
  if (key !== undefined) return { api: where, key };
  if (note?.api === where) return { api: where, key: note.apiKey };
  throw new UsageError(
    `nothing tells which key to show ${where}: set ${ENV.key} or ${ENV.keyFile}; \`rookery key create\` makes one`,
  );
}

/** Whether the environment or a flag names both the api and a key for it, without a look at any note. */
export function namesApi({ api }: Pick<ApiOptions, "api">, io: Io): boolean {
  return (api ?? text(io, ENV.api)) !== undefined && (text(io, ENV.key) ?? text(io, ENV.keyFile)) !== undefined;
}

async function givenKey(io: Io): Promise<string | undefined> {
  const [own, file] = [text(io, ENV.key), text(io, ENV.keyFile)];
  const key = own ?? (file === undefined ? undefined : await secretIn(file, ENV.keyFile, io));
  if (key !== undefined && !IN_A_HEADER.test(key)) {
    const by = own === undefined ? `what ${ENV.keyFile} names` : ENV.key;
    throw new UsageError(`${by} is no key: it ${key === "" ? "is empty" : "holds what no key has"}`);
  }
  return key;
}

/** The first line of a file that holds a secret. Throws a usage error that names the variable or flag it came by. */
export async function secretIn(file: string, by: string, { cwd }: Pick<Io, "cwd">): Promise<string> {
  const content = await readFile(resolve(cwd, file), "utf8").catch((error: unknown) => {
    throw new UsageError(`${by}: ${messageOf(error)}`);
  });
  return content.split(/\r?\n/, 1)[0] ?? "";
}

function text({ env }: Io, name: string): string | undefined {
  return env[name] === "" ? undefined : env[name];
}
