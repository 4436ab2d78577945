// `rookery audit tail|verify`: what happened, by the api; and whether the log of it is as it was written, straight from Postgres
// and with the key that sealed it, so that nobody who serves the log vouches for it. The check is the store's; this file prints.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { AuditFinding, AuditVerification, AuditVerifyOptions } from "@rookery/store";
import { InvalidArgumentError } from "commander";
import type { Command } from "commander";
import { dataFolder } from "../chat/endpoint.ts";
import { DATA_FOLDER, readClusterFile } from "../cluster-file.ts";
import type { ApiOptions } from "../control/api-address.ts";
import { apiSubcommand, ask } from "../control/api-command.ts";
import type { JsonObject } from "../control/api-client.ts";
import { listOf, tableLines } from "../control/shown.ts";
import { EXIT, UsageError } from "../io.ts";
import type { Io } from "../io.ts";
import { address, channelId, redisAddress, wholeNumber } from "../option-values.ts";

interface TailOptions extends ApiOptions {
  readonly channel?: string;
  readonly actor?: string;
  readonly subject?: string;
  readonly kind?: string;
  readonly last: number;
  readonly follow: boolean;
}

interface VerifyOptions {
  readonly data?: string;
  readonly postgresUrl?: string;
  readonly redisUrl?: string;
  readonly head: readonly Head[];
  readonly json: boolean;
}

interface Head {
  readonly partition: number;
  readonly n: number;
  readonly mac: string;
}

const COLUMNS = ["at", "kind", "actor", "subject", "channel", "node", "address", "reason", "data"];
const MOST_LAST = 200;
const EVERY_MS = 1_000;
/** A record may be committed so long after others of its time: what is younger is asked for again and shown once. */
const OVERLAP_MS = 30_000;
const STATEMENT_MS = 60_000;
const REDIS_WITHIN_MS = 5_000;

export function audit(command: Command, io: Io): void {
  apiSubcommand(command, "tail", {
    summary: "show what happened and go on with what happens, by the api",
    example: "rookery audit tail --channel lobby --last 50",
  })
    .option("--channel <id>", "only in this channel, with its messages by id", channelId)
    .option("--actor <id>", "only by this user, key:<name> or node:<id>")
    .option("--subject <id>", "only to this user")
    .option("--kind <kind>", "only of this kind, such as ban or connect")
    .option("--last <n>", "begin with the newest n", wholeNumber(1, MOST_LAST), 20)
    .option("--no-follow", "end after these")
    .action((options: TailOptions) => tail(options, io));
  command
    .command("verify")
    .description(
      "check every seal of the audit log in Postgres, and its ends with those that Redis keeps: exit 0 when nothing was edited, removed, swapped or cut off, 1 otherwise. The keys are ROOKERY_AUDIT_KEY and ROOKERY_AUDIT_PREVIOUS_KEY (`_FILE`); without them and with a `rookery dev` here, its own",
    )
    .option("--postgres-url <address>", "or ROOKERY_POSTGRES_URL", address("postgres", "postgresql"))
    .option("--redis-url <address>", "or ROOKERY_REDIS_URL", redisAddress)
    .option("--head <partition:n:seal>", "an end that the log of a persister tells; as often as you like", head, [])
    .option("--data <folder>", `data folder of the \`rookery dev\` to verify (default: ${DATA_FOLDER} here)`)
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  ROOKERY_AUDIT_KEY_FILE=/etc/rookery/audit.key rookery audit verify")
    .action(async (options: VerifyOptions) => io.exitWith(await verify(options, io)));
}

async function tail(options: TailOptions, io: Io): Promise<void> {
  const over = new AbortController();
  void io.outClosed().then(() => over.abort());
  const shown = new Map<string, number>();
  const { channel, actor, subject, kind } = options;
  const page = async (limit: number, more: Record<string, string>): Promise<readonly JsonObject[]> => {
    const given = Object.entries({ channel, actor, subject, kind, limit: String(limit), ...more });
    const query = Object.fromEntries(given.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
    return listOf(await ask(options, io, { method: "GET", path: ["audit"], query }), "entries").toReversed();
  };
  const show = (entries: readonly JsonObject[]): void => {
    const fresh = entries.filter((entry) => !shown.has(keyOf(entry)));
    for (const entry of fresh) shown.set(keyOf(entry), Number(entry["at"]));
    if (options.json) for (const entry of fresh) io.out(JSON.stringify(entry));
    else if (fresh.length > 0) for (const line of tableLines(fresh, COLUMNS).slice(1)) io.out(line);
  };
  show(await page(options.last, {}));
  let newest = Math.max(0, ...shown.values());
  while (options.follow && !over.signal.aborted) {
    await delay(EVERY_MS, undefined, { signal: over.signal }).catch(() => undefined);
    if (over.signal.aborted) break;
    show(await page(MOST_LAST, { from: String(Math.max(0, newest - OVERLAP_MS)) }));
    newest = Math.max(newest, ...shown.values());
    for (const [key, at] of shown) if (at < newest - OVERLAP_MS) shown.delete(key);
  }
}

/** Ids of edits are those of positions, which channels have alike. */
function keyOf(entry: JsonObject): string {
  return `${String(entry["channel"])} ${String(entry["id"])}`;
}

async function verify(options: VerifyOptions, io: Io): Promise<number> {
  const note = await noteFor(options, io);
  const keys = await auditKeys(options, io);
  const { connectStore, verifyAudit } = await import("@rookery/store");
  const known = await knownHeads(options, io, note?.redis);
  const url = options.postgresUrl ?? note?.postgres ?? (await setting("postgresUrl", io));
  const store = connectStore({ url, max: 1, application: "rookery audit", statementTimeoutMs: STATEMENT_MS });
  try {
    const found = await verifyAudit(store, { keys, known });
    tell(found, known.size, options, io);
    return found.findings.length === 0 ? EXIT.done : EXIT.failed;
  } finally {
    await store.close();
  }
}

function tell(found: AuditVerification, compared: number, { json }: VerifyOptions, io: Io): void {
  const { partitions, rows, findings, more } = found;
  if (json) return io.out(JSON.stringify({ ok: findings.length === 0, ...found, comparedHeads: compared }));
  for (const { message, fault } of findings) io.out(`${fault.padEnd(11)} ${message}`);
  if (more) io.out("...and more");
  const ends =
    compared === 0 ? "; no end was compared with Redis or a log, so one that was set back would not show" : "";
  if (findings.length === 0) io.out(`as they were sealed: records ${rows}, partitions ${partitions}${ends}`);
  else if (isOfUnknownKey(findings))
    io.err("give the key that sealed them: ROOKERY_AUDIT_KEY, ROOKERY_AUDIT_PREVIOUS_KEY");
  return undefined;
}

function isOfUnknownKey(findings: readonly AuditFinding[]): boolean {
  return findings.some(({ fault }) => fault === "unknown_key");
}

type Setting = "postgresUrl" | "redisUrl" | "redisCa" | "auditKey" | "auditPreviousKey";

async function setting<Key extends Setting>(key: Key, io: Io) {
  const { clusterSettings } = await import("@rookery/node");
  return clusterSettings.load([key], { env: io.env })[key];
}

async function isGiven(key: Setting, io: Io): Promise<boolean> {
  const { clusterSettings } = await import("@rookery/node");
  return clusterSettings.given({ env: io.env }).has(key);
}

/** What a command line or the environment says goes before the note of a running `dev`. */
async function noteFor({ postgresUrl, data }: VerifyOptions, io: Io) {
  if (postgresUrl !== undefined || (await isGiven("postgresUrl", io))) return undefined;
  return readClusterFile(dataFolder(data === undefined ? {} : { data }, io));
}

async function auditKeys(options: VerifyOptions, io: Io): Promise<AuditVerifyOptions["keys"]> {
  const { createAuditKey } = await import("@rookery/store");
  const texts: string[] = [];
  // A key that is made at start is no key to verify with.
  for (const key of ["auditKey", "auditPreviousKey"] as const) {
    const text = (await isGiven(key, io)) ? await setting(key, io) : undefined;
    if (text !== undefined) texts.push(text);
  }
  const { data } = options;
  const kept = texts.length > 0 ? undefined : await keptKey(dataFolder(data === undefined ? {} : { data }, io));
  if (kept !== undefined) texts.push(kept);
  if (texts.length === 0)
    throw new UsageError(
      "nothing tells with which key the log is sealed: set ROOKERY_AUDIT_KEY or ROOKERY_AUDIT_KEY_FILE",
    );
  return texts.map(createAuditKey);
}

/** Of a `dev` that was started in the folder. */
async function keptKey(folder: string): Promise<string | undefined> {
  const text = await readFile(join(folder, "secrets.json"), "utf8").catch(() => "{}");
  return /"auditKey":\s*"([\w-]+)"/.exec(text)?.[1];
}

async function knownHeads(
  options: VerifyOptions,
  io: Io,
  noted: string | undefined,
): Promise<ReadonlyMap<number, readonly Head[]>> {
  const url =
    options.redisUrl ?? noted ?? ((await isGiven("redisUrl", io)) ? await setting("redisUrl", io) : undefined);
  const heads: Head[] = [
    ...options.head,
    ...(url === undefined ? [] : await headsInRedis(url, await setting("redisCa", io))),
  ];
  const known = new Map<number, Head[]>();
  for (const each of heads) known.set(each.partition, [...(known.get(each.partition) ?? []), each]);
  return known;
}

async function headsInRedis(url: string, ca: string | undefined): Promise<Head[]> {
  const broker = await import("@rookery/broker");
  const connection = broker.connectRedis({ url, ca, use: "commands", commandTimeoutMs: REDIS_WITHIN_MS });
  try {
    await broker.whenReady(connection, REDIS_WITHIN_MS);
    const { partitionCount } = broker.createKeys(broker.createPartitions(1));
    const count = Number((await connection.get(partitionCount)) ?? 0);
    if (!Number.isSafeInteger(count) || count < 1) return [];
    const heads = await broker.readAuditHeads(connection, broker.createKeys(broker.createPartitions(count)));
    return [...heads].map(([partition, kept]) => ({ partition, ...kept }));
  } finally {
    connection.disconnect();
  }
}

/** As the log of a persister tells it. */
function head(text: string, sofar: readonly Head[] = []): readonly Head[] {
  const [, partition, n, mac] = /^(\d{1,4}):(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (mac === undefined)
    throw new InvalidArgumentError("Expected partition:number:seal, as the log of a persister tells them.");
  return [...sofar, { partition: Number(partition), n: Number(n), mac }];
}
