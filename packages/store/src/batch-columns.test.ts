// Contract of the two parameters that carry a batch.
import { describe, expect, it } from "vitest";
import { EPOCH, messageRow } from "./batch.fixture.ts";
import { batchParameters } from "./batch-columns.ts";

describe("the parameters of a batch", () => {
  it("are its read positions and its entries, each entry numbered from 1 and a dead letter beside its position", () => {
    const id = { epoch: EPOCH, number: 9 };
    const row = messageRow("c", 1, { body: 'a "b"' });
    const item = { index: 1, partition: 4, id, epoch: row.epoch, seq: row.seq, row };
    const dead = { ...item, index: 2, row: undefined, dead: { frame: "é", reason: "why" } };
    const [reads, entries, removed] = batchParameters(new Map([[4, id]]), [item, dead], []);
    expect(removed).toBe("{}");
    expect(reads).toBe(`{"(4,${EPOCH},9)"}`);
    const first = `(1,4,${EPOCH},9,,,c,${EPOCH},1,message,${row.id},,c1,ada,Ada,\\"a \\"\\"b\\"\\"\\",,,,${row.at},,,,,)`;
    const second = `(2,4,${EPOCH},9,why,w6k=,,${EPOCH},1,,,,,,,,,,,,,,,,)`;
    expect(entries).toBe(`{"${first}","${second}"}`);
  });
});
