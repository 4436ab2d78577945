// What waits for Postgres, as it is read back from the fields that the scripts write.
import { describe, expect, it } from "vitest";
import { readEntry } from "./outbox-entry.ts";
import { formatRemovedMessage } from "./removed-message.ts";
import type { RemovedMessage } from "./removed-message.ts";

const id = { epoch: 7, number: 4 };
const at = { partition: 2, id, channel: "lobby", position: { epoch: 7, seq: 9 }, frame: "{}", cumulativeBytes: 800 };
const fields = (kind: string, ...more: string[]): string[] =>
  ["k", kind, "c", "lobby", "p", "7-9", "f", "{}", "b", "800"].concat(more);

const message: RemovedMessage = {
  ...{ kind: "message", position: { epoch: 7, seq: 1 }, prev: { epoch: 6, seq: 8 }, id: "m", user: "ann|b" },
  ...{ clientId: "c1", name: 'Ann "A" |', at: 5, replyTo: "r" },
};

describe("an entry", () => {
  it.each(["edited", "reaction"] as const)("of an act of the kind %s says where it stands", (kind) => {
    expect(readEntry(2, id, fields(kind))).toEqual({ ...at, kind });
    const counted = { user: "ann", bytes: 300 };
    const given = fields(kind, "v", "6-8", "u", "ann", "n", "300");
    expect(readEntry(2, id, given)).toEqual({ ...at, kind, prev: { epoch: 6, seq: 8 }, counted });
  });

  it("of what happened holds the record, and stands in no channel's line", () => {
    const frame = '{"at":5,"kind":"connect"}';
    const noted = ["k", "audit", "f", frame, "b", "800", "a", "300"];
    const nowhere = { partition: 2, id, kind: "audit", channel: "", position: { epoch: 0, seq: 0 }, frame };
    expect(readEntry(2, id, noted)).toEqual({ ...nowhere, cumulativeBytes: 800, auditedBytes: 300 });
    expect(readEntry(2, id, noted.slice(0, 6))).toMatchObject({ ...nowhere, auditedBytes: undefined });
    expect(readEntry(2, id, ["k", "audit", "b", "800"])).toMatchObject({ kind: "malformed", channel: "" });
  });

  it("of a deletion lists the message and the edits that were taken out with it", () => {
    const entry = readEntry(2, id, fields("deleted", "t", formatRemovedMessage(message), "e", "7-4|20|,7-2|10|6-8"));
    const edit = { kind: "edited", id: "m", user: "ann|b" };
    expect(entry).toEqual({
      ...{ ...at, kind: "deleted" },
      removed: [
        message,
        { ...edit, position: { epoch: 7, seq: 4 }, at: 20 },
        { ...edit, position: { epoch: 7, seq: 2 }, prev: { epoch: 6, seq: 8 }, at: 10 },
      ],
    });
    const { prev: _, replyTo: __, ...plain } = message;
    const alone = readEntry(2, id, fields("deleted", "t", formatRemovedMessage(plain), "e", ""));
    expect(alone).toEqual({ ...at, kind: "deleted", removed: [plain] });
  });

  it.each(["", "{}", "[1]", "nothing", '{"position":"7-1"}', formatRemovedMessage({ ...message, at: Number.NaN })])(
    "of a deletion that does not say of what is malformed: %j",
    (target) => {
      expect(readEntry(2, id, fields("deleted", "t", target))).toMatchObject({ kind: "malformed", channel: "lobby" });
    },
  );
});
