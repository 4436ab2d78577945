// Contract of the arrays that carry a batch.
import { describe, expect, it } from "vitest";
import { entryOf, EPOCH, messageRow } from "./batch.fixture.ts";
import { batchParameters } from "./batch-columns.ts";

describe("the parameters of a batch", () => {
  it("are 26 columns of one element an entry, with dead letters apart", () => {
    const { id, row } = entryOf(4, { epoch: EPOCH, number: 9 }, messageRow("c", 1));
    if ("fault" in row) throw new Error(row.fault);
    const placed = { partition: 4, id, epoch: row.epoch, seq: row.seq, row };
    const dead = { ...placed, row: undefined, dead: { frame: "é", reason: "why" } };
    const columns = batchParameters(new Map([[4, id]]), [placed, dead]);
    expect(columns).toHaveLength(26);
    expect(columns.slice(0, 7)).toEqual([
      "{4}",
      `{${EPOCH}}`,
      "{9}",
      "{4,4}",
      `{${EPOCH},${EPOCH}}`,
      "{9,9}",
      '{"c",null}',
    ]);
    expect(columns.slice(-3)).toEqual(["{2}", '{"w6k="}', '{"why"}']);
  });
});
