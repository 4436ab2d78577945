import { describe, expect, it } from "vitest";
import type { Verdict } from "./check.ts";
import { judgeCluster } from "./judge-cluster.ts";
import type { ClusterFacts } from "./judge-cluster.ts";

const SAME = { partitions: "64", cluster: "one" };
const NEW = { partitions: "", cluster: "" };
const AWAY = { partitions: undefined, cluster: undefined };
type Recorded = ClusterFacts["postgres"];
const NOTHING: ClusterFacts["saved"] = new Map();
const facts = (redis: Recorded, postgres: Recorded, partitions = 64): ClusterFacts => ({
  ...{ partitions, redis: { ...redis, stored: NOTHING }, postgres, saved: NOTHING },
});

/** Of partition 3: up to where Redis was told it is saved, and up to where it is; undefined where that cannot be seen. */
const upTo = (told: number | undefined, has: number | undefined, redis = SAME): ClusterFacts => {
  const ids = (number: number | undefined) => (number === undefined ? undefined : new Map([[3, { epoch: 7, number }]]));
  return { ...facts(redis, SAME), redis: { ...redis, stored: ids(told) }, saved: ids(has) };
};

type Row = readonly [check: string, verdict: Verdict, found: RegExp, facts: ClusterFacts];

// prettier-ignore
const ROWS: readonly Row[] = [
  ["partitions", "ok", /^64, as recorded$/, facts(SAME, SAME)],
  ["partitions", "ok", /^64, as recorded$/, facts(NEW, SAME)],
  ["partitions", "ok", /new/, facts(NEW, NEW)],
  ["partitions", "warning", /cannot be seen/, facts(AWAY, SAME)],
  ["partitions", "trouble", /made with 64 and ROOKERY_PARTITIONS is 32/, facts(SAME, SAME, 32)],
  ["partitions", "trouble", /made with 64 and ROOKERY_PARTITIONS is 32/, facts(SAME, AWAY, 32)],
  ["partitions", "trouble", /Redis records 16 and Postgres 64/, facts({ ...SAME, partitions: "16" }, SAME)],
  ["cluster id", "ok", /belong to one/, facts(SAME, SAME)],
  ["cluster id", "ok", /both are new/, facts(NEW, NEW)],
  ["cluster id", "ok", /Redis is empty and will join one/, facts(NEW, SAME)],
  ["cluster id", "warning", /cannot be seen/, facts(SAME, AWAY)],
  ["cluster id", "trouble", /Redis belongs to one, Postgres to two/, facts(SAME, { ...SAME, cluster: "two" })],
  ["cluster id", "trouble", /Redis belongs to one, Postgres to no cluster yet/, facts(SAME, NEW)],
  ["saved", "ok", /has all that Redis was told/, facts(SAME, SAME)],
  ["saved", "ok", /has all that Redis was told/, upTo(9, 9)],
  ["saved", "ok", /has all that Redis was told/, upTo(5, 9)],
  ["saved", "warning", /cannot be seen/, upTo(undefined, 9)],
  ["saved", "warning", /cannot be seen/, upTo(9, undefined)],
  ["saved", "trouble", /in 1 partitions \(of partition 3 up to 7-5, and Redis was told 7-9\).* 78$/, upTo(9, 5)],
  ["saved", "trouble", /partition 3 up to 0-0/, { ...upTo(9, 9), saved: NOTHING }],
];

describe("what two stores record", () => {
  it.each(ROWS)("%s: %s where it is found that %s", (check, verdict, found, given) => {
    const finding = judgeCluster(given).find(({ name }) => name === check);
    expect(finding).toMatchObject({ verdict, found: expect.stringMatching(found) as unknown });
    expect(finding?.fix === undefined).toBe(verdict === "ok");
  });

  it("says nothing of what is saved where the two are of two clusters: emptying one would mend nothing", () => {
    const names = judgeCluster(upTo(9, 5, { ...SAME, cluster: "two" })).map(({ name }) => name);
    expect(names).toEqual(["partitions", "cluster id"]);
  });
});
