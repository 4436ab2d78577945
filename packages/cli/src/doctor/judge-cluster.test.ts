import { describe, expect, it } from "vitest";
import type { Verdict } from "./check.ts";
import { judgeCluster } from "./judge-cluster.ts";
import type { ClusterFacts } from "./judge-cluster.ts";

const SAME = { partitions: "64", cluster: "one" };
const NEW = { partitions: "", cluster: "" };
const AWAY = { partitions: undefined, cluster: undefined };
const facts = (redis: ClusterFacts["redis"], postgres: ClusterFacts["postgres"], partitions = 64): ClusterFacts => ({
  ...{ partitions, redis, postgres },
});

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
];

describe("what two stores record", () => {
  it.each(ROWS)("%s: %s where it is found that %s", (check, verdict, found, given) => {
    const finding = judgeCluster(given).find(({ name }) => name === check);
    expect(finding).toMatchObject({ verdict, found: expect.stringMatching(found) as unknown });
    expect(finding?.fix === undefined).toBe(verdict === "ok");
  });
});
