// Keeps the promise of control-log.ts' Announcer by announce.lua. Made by the api, called for every change that was committed and
// for every order about a user's sessions; by whoever finds one that was never announced, too.
import { ChatError } from "@rookery/protocol";
import type { Control } from "@rookery/protocol";
import { isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Announcer } from "./control-log.ts";
import { packEntry } from "./create-access.ts";
import { NO_CHANNEL } from "./global-version.ts";
import { parseEntryId } from "./entry-id.ts";
import type { EpochFloors } from "./floors.ts";
import type { Keys } from "./keys.ts";
import { brokeOff, refusalFor, refusalOf } from "./rejections.ts";

export interface AnnouncerOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly floors: EpochFloors;
  /** Reads the floors from Postgres: before an epoch of the outbox begins. Rejects while Postgres is away. */
  readFloors(this: void): Promise<void>;
  /** Why this process may number nothing yet, or undefined: then every announcement is `unavailable`. */
  trouble?(this: void): string | undefined;
}

/** Whoever missed more than these reads everything anew. */
const LOGGED = 1_000;
/** A control is older than any gap between two looks long before that. */
const KEPT_MS = 600_000;
/** Fields of an access of which no entry is missing: beside the entries there are three. */
const MOST_OF_WHOLE = 259;

export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const { connection, keys, floors } = options;

  async function run(partition: number, control: Control, audit: string, isFresh: boolean): Promise<readonly string[]> {
    const own = keys.partition(partition);
    const names = [own.part, own.outbox, own.rights, own.controlLog, own.control];
    if (control.kind === "global") names.push(own.told(`g|${control.version}`));
    if (control.kind === "channel")
      names.push(own.told(`c|${control.channel}|${control.record.version}`), keys.channel(control.channel).access);
    const fixed = [JSON.stringify(control), floors.of(partition), isFresh ? 1 : 0, audit, LOGGED, KEPT_MS];
    const more = numbered(control);
    if (!isReady(connection)) throw refusalOf("unavailable");
    const reply = await connection.rookeryAnnounce(names.length, ...names, ...fixed, ...more).catch(refuse);
    return Array.isArray(reply) ? reply.map(String) : [];
  }

  return {
    async announce(partition, control, audit) {
      const trouble = options.trouble?.();
      if (trouble !== undefined) throw new ChatError("unavailable", trouble);
      let [outcome, written = "", broken = ""] = await run(partition, control, audit, false);
      if (outcome === "cold") {
        await options.readFloors();
        [outcome, written = "", broken = ""] = await run(partition, control, audit, true);
      }
      const number = parseEntryId(written);
      if (broken !== "" || number === undefined) throw new ChatError("internal", broken || "it was announced oddly");
      return number;
    },
  };
}

/** Of what Postgres numbered: which version it raises, and what is remembered of a channel. */
function numbered(control: Control): (string | number)[] {
  if (control.kind === "user") return [];
  if (control.kind === "global") return [NO_CHANNEL, String(control.version)];
  const { channel, record, entries, forgets } = control;
  const changed = entries.flatMap(({ user, entry }) => [user, packEntry(entry)]);
  const rest = [MOST_OF_WHOLE, JSON.stringify(record), forgets ? 1 : 0, ...changed];
  return [channel, String(record.version), ...rest];
}

function refuse(error: unknown): never {
  const reason = brokeOff(error);
  throw reason === undefined ? refusalFor(error) : new ChatError("internal", reason);
}
