// What one look at the cluster needs to know: what each partition says of itself, and which kind of envelope all edges read.
// Called by budget.ts once a second, for the node that holds the office. A single server is asked for the office and all else
// by one script; of a Cluster the office is asked for first, then key by key.
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";
import { readRecord } from "./registry.ts";
import { NEWEST_ENVELOPE } from "./unpack-envelope.ts";

/** One partition that exists, by its fields; "" for one that is absent. */
export interface PartitionState {
  readonly partition: number;
  readonly added: string;
  readonly taken: string;
  /** What the last look told it: limit, short, over and envelopes. */
  readonly told: readonly string[];
}

export interface Survey {
  /** A partition that is broken or away is left out: it keeps nobody from the others. */
  readonly partitions: readonly PartitionState[];
  /** The newest kind of envelope that every living edge reads; no newer than this build knows. */
  readonly envelopes: number;
}

/** What was read before records told of it, see NodeRecord.envelopes. */
const FIRST_ENVELOPES = 2;
const FIELDS = ["in", "out", "limit", "short", "over", "envelopes"] as const;

export interface Office {
  readonly node: string;
  /** How long it is held without asking again. */
  readonly heldMs: number;
}

/** Undefined where another node holds the office. */
export async function survey(connection: RedisConnection, keys: Keys, office: Office): Promise<Survey | undefined> {
  const numbers = Array.from({ length: keys.partitions.count }, (_, partition) => partition);
  const answers = await (connection.isCluster ? askEach : askTogether)(connection, keys, numbers, office);
  if (answers === undefined) return undefined;
  const { states, records } = answers;
  const partitions = numbers.flatMap((partition) => {
    const [added = "", taken = "", ...told] = (states[partition] ?? []).map((field) => field ?? "");
    return added === "" ? [] : [{ partition, added, taken, told }];
  });
  return { partitions, envelopes: await oldestEnvelopes(connection, keys, records) };
}

interface Answers {
  readonly states: readonly (readonly (string | null)[] | undefined)[];
  readonly records: readonly string[];
}

async function askTogether(
  connection: RedisConnection,
  keys: Keys,
  numbers: readonly number[],
  { node, heldMs }: Office,
): Promise<Answers | undefined> {
  const names = [keys.budgetWatch, keys.nodes, ...numbers.map((partition) => keys.partition(partition).part)];
  const reply: unknown = await connection.rookerySurvey(names.length, ...names, node, heldMs);
  if (!Array.isArray(reply)) return undefined;
  const fields = reply.map((field: unknown) => (typeof field === "string" ? field : null));
  const states = numbers.map((partition) => fields.slice(partition * FIELDS.length, (partition + 1) * FIELDS.length));
  return { states, records: fields.slice(numbers.length * FIELDS.length).filter((field) => field !== null) };
}

async function askEach(
  connection: RedisConnection,
  keys: Keys,
  numbers: readonly number[],
  { node, heldMs }: Office,
): Promise<Answers | undefined> {
  if ((await connection.rookeryHoldOffice(keys.budgetWatch, node, heldMs)) !== 1) return undefined;
  const asked = numbers.map((partition) => connection.hmget(keys.partition(partition).part, ...FIELDS));
  const [records, states] = await Promise.all([connection.hvals(keys.nodes), Promise.allSettled(asked)]);
  return { states: states.map((state) => (state.status === "fulfilled" ? state.value : undefined)), records };
}

async function oldestEnvelopes(connection: RedisConnection, keys: Keys, records: readonly string[]): Promise<number> {
  const read = records
    .flatMap((text) => readRecord(text) ?? [])
    .map(async ({ kind, node, envelopes = FIRST_ENVELOPES }) => {
      if (kind !== "edge" || envelopes >= NEWEST_ENVELOPE) return NEWEST_ENVELOPE;
      // Asked for where it matters alone: a record outlives its node until that has been cleared away after.
      const living = readRecord(await connection.get(keys.node(node)));
      return living === undefined ? NEWEST_ENVELOPE : envelopes;
    });
  return Math.min(NEWEST_ENVELOPE, ...(await Promise.all(read)));
}
