// The note that a running `dev` leaves in its data folder for other commands of the same directory: where everything
// answers, and the secret that makes tokens. Written and removed by `dev`, read by tail, send and token.
// It holds secrets, so it is never readable by others and never outlives an orderly stop.
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "./io.ts";
import { isAlive } from "./process-table.ts";

/** What `dev --json` prints once everything answers; the same text stands in the note. */
export interface ReadyLine {
  readonly ready: true;
  readonly pid: number;
  readonly ws: readonly string[];
  readonly api: string;
  readonly apiKey: string;
  readonly jwt: JwtNote;
  readonly redis: string;
  readonly postgres: string;
  readonly processes: readonly ProcessNote[];
}

/** `secret` is left out where tokens are signed elsewhere, by a key of which only the public half is known here. */
export interface JwtNote {
  readonly alg: string;
  readonly secret?: string;
  readonly issuer: string;
  readonly audience: string;
}

export interface ProcessNote {
  readonly name: string;
  readonly pid: number;
  /** Origin of the internal port; Redis and Postgres have none. */
  readonly internal?: string;
}

/** The data folder of `dev` unless told otherwise, below the current directory. */
export const DATA_FOLDER = ".rookery";

const fileIn = (folder: string): string => join(folder, "cluster.json");

/** Replaces the note at once, so that a reader never sees half of it. */
export async function writeClusterFile(folder: string, line: ReadyLine): Promise<void> {
  const fresh = `${fileIn(folder)}.new`;
  await writeFile(fresh, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  await rename(fresh, fileIn(folder));
}

export async function removeClusterFile(folder: string): Promise<void> {
  await rm(fileIn(folder), { force: true });
}

/**
 * The note of the cluster that runs on a folder; undefined when there is none. Throws a usage error when the `dev` that
 * wrote it is gone, since all that it names is gone with it.
 */
export async function readClusterFile(folder: string): Promise<ReadyLine | undefined> {
  const file = fileIn(folder);
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const note = parsed(text);
  if (!isReadyLine(note)) throw new UsageError(`${file} cannot be read: remove it and start \`rookery dev\` again`);
  if (isAlive(note.pid)) return note;
  throw new UsageError(
    `${file} is of a cluster that is gone (process ${note.pid}): start \`rookery dev\` again, or say --url`,
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** As deep as the commands look into it. */
function isReadyLine(value: unknown): value is ReadyLine {
  if (typeof value !== "object" || value === null) return false;
  if (!("pid" in value && "ws" in value && "api" in value && "jwt" in value)) return false;
  const { pid, ws, api, jwt } = value;
  const hasAddresses = Array.isArray(ws) && ws.every((each) => typeof each === "string") && typeof api === "string";
  return typeof pid === "number" && hasAddresses && typeof jwt === "object" && jwt !== null;
}
