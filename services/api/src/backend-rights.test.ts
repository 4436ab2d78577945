// Contract of what a backend may do: everything in every channel that is there, by the version that is in force.
import type { KnownAccess } from "@rookery/broker";
import { expect, it } from "vitest";
import { createBackendRights } from "./backend-rights.ts";

const record = { kind: "private", owner: "ann", slowModeSec: 9, memberCap: null, deleted: false } as const;
const known = (version: number, deleted = false): KnownAccess => ({
  record: { ...record, version, deleted },
  isWhole: false,
  entries: new Map(),
});

function scene(autoCreate: boolean, held: Record<string, KnownAccess>, stored: Record<string, KnownAccess>) {
  const filled: string[] = [];
  const made: string[] = [];
  const rights = createBackendRights({
    access: {
      read: async (wishes) => wishes.map(({ channel }) => held[channel]),
      fill: async (channel) => void filled.push(channel),
    },
    standings: {
      read: async (wishes) =>
        new Map(wishes.flatMap(({ channel }) => (stored[channel] ? [[channel, stored[channel]] as const] : []))),
    },
    channels: {
      async ensurePublic(ids, owner) {
        for (const id of ids) {
          stored[id] = known(0);
          made.push(`${id} of ${owner}`);
        }
        return new Map();
      },
    },
    autoCreate,
  });
  return { ...rights, filled, made };
}

it("a channel that Redis remembers is not asked of Postgres; any other is, and remembered", async () => {
  const { toRead, toWrite, filled } = scene(false, { hot: known(7) }, { cold: known(3) });
  expect(await Promise.all([toRead("hot"), toWrite("hot", "ann"), toRead("cold"), toWrite("cold", "ann")])).toEqual([
    ...[7, 7, 3, 3],
  ]);
  expect(filled).toEqual(["cold", "cold"]);
});

it("one that was deleted or never made is not there, wherever that is known", async () => {
  const { toRead, toWrite } = scene(true, { gone: known(4, true) }, { old: known(4, true) });
  for (const channel of ["gone", "old", "dm:never"]) {
    for (const asked of [toRead(channel), toWrite(channel, "ann")]) {
      await expect(asked).rejects.toMatchObject({ code: "not_found", details: { channel } });
    }
  }
  await expect(scene(false, {}, {}).toWrite("never", "ann")).rejects.toMatchObject({ code: "not_found" });
});

it("where channels make themselves one is made by the first message, and found empty before", async () => {
  const { toRead, toWrite, made } = scene(true, {}, {});
  expect(await toRead("new")).toBe(0);
  expect(made).toEqual([]);
  expect(await toWrite("new", "ann")).toBe(0);
  expect(made).toEqual(["new of ann"]);
});
