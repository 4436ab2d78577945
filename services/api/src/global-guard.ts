// Holds every request of a user against what is in force everywhere: bans, and tokens that were revoked. Asked by the gate.
// The table is this process' own; Redis tells with each request how far it has to be, and Postgres has what is missing.
// Must let nobody through by a table that is behind. While Postgres is away the table stands: nothing can change there.
// States: nothing read yet, current, behind (a request waits for what is read), forgotten (Redis lost how far it was).
import type { GlobalVersion } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import type { BanEverywhere } from "@rookery/protocol";
import type { Bearer, GlobalRows, GlobalTable } from "@rookery/rights";

export type GlobalGuard = (bearer: Bearer) => Promise<void>;

export interface GlobalGuardOptions {
  readonly table: GlobalTable;
  /** How far the announced changes are. Throws ChatError `unavailable`. */
  readonly announced: () => Promise<GlobalVersion>;
  /** What Postgres has after a version. Throws ChatError `unavailable`. */
  readonly since: (version: number) => Promise<GlobalRows>;
  readonly nowMs?: () => number;
}

/** With a Redis that knows less than the table does, somebody else's change may be missing there too. */
const FORGOTTEN_EVERY_MS = 1_000;
/** The last net. */
const LOOKED_EVERY_MS = 30_000;

/** Throws ChatError `banned` with its end, `unauthenticated` for a token that was revoked, or `unavailable`. */
export function createGlobalGuard(options: GlobalGuardOptions): GlobalGuard {
  const { table, announced, since, nowMs = () => performance.now() } = options;
  let reading: Promise<void> | undefined;
  let readAtMs = Number.NEGATIVE_INFINITY;

  /** Those who ask meanwhile share one statement. */
  const read = (): Promise<void> => (reading ??= readOn().finally(() => (reading = undefined)));

  async function readOn(): Promise<void> {
    // Also of one that fails: while Postgres is away nobody else waits for it so soon.
    readAtMs = nowMs();
    table.load(await since(Math.max(0, table.version())));
  }

  async function catchUp(version: number): Promise<void> {
    // The first of two may have begun before the change that this request knows of.
    for (let tries = 0; tries < 2 && table.version() < version; tries += 1) await read();
    if (table.version() < version) throw new ChatError("unavailable", "who is banned is not known at present");
  }

  return async (bearer) => {
    const { version, atMs } = await announced();
    // Also for the first time, when the table is at -1.
    if (table.version() < version) await catchUp(version);
    const everyMs = version < table.version() ? FORGOTTEN_EVERY_MS : LOOKED_EVERY_MS;
    if (nowMs() - readAtMs >= everyMs) await read().catch(goOn);
    const refusal = table.refusal(bearer, atMs);
    if (refusal === undefined) return;
    if (refusal.kind === "revoked") throw new ChatError("unauthenticated", "this token was revoked");
    throw bannedEverywhere(refusal);
  };
}

/** What was current a moment ago stands. */
function goOn(error: unknown): void {
  if (!(error instanceof ChatError)) throw error;
}

export function bannedEverywhere({ untilMs, reason }: Pick<BanEverywhere, "untilMs" | "reason">): ChatError {
  const words = reason === null ? "banned from the whole cluster" : `banned from the whole cluster: ${reason}`;
  return new ChatError("banned", words, untilMs === null ? {} : { until: untilMs });
}
