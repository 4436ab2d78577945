// Whether two stores and the settings belong to one cluster, and have what the others take them to have: what each of them has
// recorded for good, held against the others. Pure.
import { forgottenBy } from "@rookery/broker";
import type { EntryId } from "@rookery/broker";
import { judgeBy, ok, trouble, warning } from "./check.ts";
import type { Check, Judge } from "./check.ts";

/** Empty: nothing is recorded there. Undefined: it could not be looked at. */
interface Recorded {
  readonly partitions: string | undefined;
  readonly cluster: string | undefined;
}

/** An id of each partition's outbox. */
type Ids = ReadonlyMap<number, EntryId>;

export interface ClusterFacts {
  readonly partitions: number;
  /** `stored`: up to where it was told that each partition is saved. */
  readonly redis: Recorded & { readonly stored: Ids | undefined };
  readonly postgres: Recorded;
  /** Up to where each partition is saved in Postgres, asked after Redis was. */
  readonly saved: Ids | undefined;
}

const UNSEEN_FIX = "mend the way to the store first, and look again";

const partitions: Judge<ClusterFacts>["judge"] = ({ partitions: set, redis, postgres }) => {
  const recorded = new Set([redis.partitions, postgres.partitions].filter((each) => each !== undefined && each !== ""));
  const [count] = recorded;
  if (recorded.size > 1)
    return trouble(
      `Redis records ${redis.partitions ?? ""} and Postgres ${postgres.partitions ?? ""}`,
      "they are of two clusters: correct ROOKERY_REDIS_URL or ROOKERY_POSTGRES_URL",
    );
  if (count !== undefined && count !== String(set))
    return trouble(
      `this cluster was made with ${count} and ROOKERY_PARTITIONS is ${set}`,
      `set ROOKERY_PARTITIONS=${count}`,
    );
  if (redis.partitions === undefined || postgres.partitions === undefined)
    return warning("what is recorded cannot be seen in both stores", UNSEEN_FIX);
  return ok(count === undefined ? `${set}, for a cluster that is new` : `${set}, as recorded`);
};

const cluster: Judge<ClusterFacts>["judge"] = ({ redis, postgres }) => {
  const [here, there] = [redis.cluster, postgres.cluster];
  if (here === undefined || there === undefined)
    return warning("whether Redis and Postgres belong together cannot be seen", UNSEEN_FIX);
  if (here !== "" && here !== there)
    return trouble(
      `Redis belongs to ${here}, Postgres to ${there === "" ? "no cluster yet" : there}`,
      'correct ROOKERY_REDIS_URL or ROOKERY_POSTGRES_URL; if this Postgres replaces one that was lost, remove the key "cluster" from Redis',
    );
  if (here === "") return ok(there === "" ? "both are new" : `Redis is empty and will join ${there}`);
  return ok(`Redis and Postgres belong to ${here}`);
};

const saved: Judge<ClusterFacts>["judge"] = ({
  redis: { stored, cluster: here },
  postgres: { cluster: there },
  saved: has,
}) => {
  // Of two clusters neither knows what the other has.
  if (here !== there) return undefined;
  if (stored === undefined || has === undefined)
    return warning("whether Postgres has all that it confirmed cannot be seen", UNSEEN_FIX);
  const forgotten = forgottenBy(has, stored);
  if (forgotten === undefined) return ok("Postgres has all that Redis was told is saved");
  return trouble(
    `${forgotten}: persisters store nothing and end with 78`,
    "stop every process, empty Redis and start again, as after a restore (docs/runbook.md#backup-and-restore)",
  );
};

const JUDGES: readonly Judge<ClusterFacts>[] = [
  { name: "partitions", judge: partitions },
  { name: "cluster id", judge: cluster },
  { name: "saved", judge: saved },
];

export function judgeCluster(facts: ClusterFacts): readonly Check[] {
  return judgeBy(JUDGES, facts);
}
