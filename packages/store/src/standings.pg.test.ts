// Contract of what is read of who may do what, and of what is hidden in how it is read.
import type { AccessEntry } from "@rookery/protocol";
import { testPostgres } from "@rookery/testkit";
import { afterAll, describe, expect, it } from "vitest";
import { createChannelActs } from "./channel-acts.ts";
import { createChannels } from "./channels.ts";
import { connectStore } from "./connect.ts";
import { act, peopled } from "./rights.fixture.ts";
import { createStandings } from "./standings.ts";
import { loadStatement } from "./statement.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 4, application: "test", statementTimeoutMs: 5_000 });
afterAll(() => store.close());

const acts = createChannelActs(store);
const standings = createStandings(store);
const NOTHING = { role: null, ban: null, mute: null };
const sanction = { untilMs: null, reason: null };

describe("standings", () => {
  it("tell of several channels at once who has a role, a ban or a mute there, and nothing of one that never was", async () => {
    await peopled(acts, "first");
    await acts.mute({ ...act("first"), user: "mia", mute: { untilMs: 5, reason: "loud" } });
    await acts.ban({ ...act("first"), user: "nils", ban: sanction });
    await createChannels(store).ensurePublic(["open"], "ada");
    const found = await standings.read([
      { channel: "first", users: ["mia"] },
      { channel: "open", users: ["zoe", 'quoted "o\\'] },
      { channel: "nowhere", users: ["mia"] },
    ]);
    expect([...found.keys()].toSorted()).toEqual(["first", "open"]);
    const record = { kind: "private", owner: "olga", slowModeSec: 0, memberCap: null, deleted: false };
    expect(found.get("first")).toMatchObject({ record: { version: 6, ...record }, isWhole: true });
    expect(found.get("first")?.entries).toEqual(
      new Map([
        ["mia", { role: "member", ban: null, mute: { untilMs: 5, reason: "loud" } }],
        ["mo", { ...NOTHING, role: "moderator" }],
        ["nils", { ...NOTHING, ban: sanction }],
        ["olga", { ...NOTHING, role: "owner" }],
        ["rea", { ...NOTHING, role: "reader" }],
      ]),
    );
    expect(found.get("open")).toEqual({
      record: { ...record, version: 0, kind: "public", owner: "ada" },
      isWhole: true,
      entries: new Map([["ada", { ...NOTHING, role: "owner" }]]),
    });
  });

  it("of a channel that none of those asked for may know of are about them alone", async () => {
    await peopled(acts, "hidden");
    const [asked] = [...(await standings.read([{ channel: "hidden", users: ["nosy"] }])).values()];
    expect(asked).toMatchObject({ isWhole: false, entries: new Map([["nosy", NOTHING]]) });
    const [seen] = [...(await standings.read([{ channel: "hidden", users: ["nosy", "rea"] }])).values()];
    expect(seen).toMatchObject({ isWhole: true });
    expect(seen?.entries.has("nosy")).toBe(false);
  });

  it("are whole up to 256 users with an entry, whatever kind of entry it is", async () => {
    await createChannels(store).ensurePublic(["full", "over"], "ada");
    for (const channel of ["full", "over"]) {
      await sql`insert into members (channel, user_id, role) select ${channel}, 'm-' || n, 'member' from generate_series(1, 200) n`;
      await sql`insert into bans (channel, user_id, given_by, at) select ${channel}, 'b-' || n, 'ada', 1 from generate_series(1, 55) n`;
    }
    await sql`insert into mutes (channel, user_id, given_by, at) values ('over', 'u-1', 'ada', 1), ('full', 'm-1', 'ada', 1)`;
    const wishes = ["full", "over"].map((channel) => ({ channel, users: ["m-1", "nobody"] }));
    const found = await standings.read(wishes);
    expect(found.get("full")?.isWhole).toBe(true);
    expect(found.get("full")?.entries.size).toBe(256);
    expect(found.get("over")?.isWhole).toBe(false);
    expect(found.get("over")?.entries).toEqual(
      new Map<string, AccessEntry>([
        ["m-1", { ...NOTHING, role: "member" }],
        ["nobody", NOTHING],
      ]),
    );
  });

  it("of a channel that anybody may know of are whole, also where nobody has an entry", async () => {
    await sql`insert into channels (id, kind, owner) values ('bare', 'public', 'ada')`;
    const found = await standings.read([{ channel: "bare", users: [] }]);
    expect(found.get("bare")).toMatchObject({ isWhole: true, entries: new Map() });
  });

  it("of a deleted channel say that it is deleted", async () => {
    await peopled(acts, "gone");
    await acts.delete(act("gone", "olga"));
    expect((await standings.read([{ channel: "gone", users: ["olga"] }])).get("gone")?.record.deleted).toBe(true);
  });

  it("look up nobody's entry by reading a table", async () => {
    await sql`insert into channels (id, kind, owner) select 'many-' || n, 'private', 'ada' from generate_series(1, 3000) n`;
    await sql`insert into members (channel, user_id, role) select 'many-' || n, 'u-' || m, 'member'
      from generate_series(1, 3000) n, generate_series(1, 10) m`;
    for (const table of ["bans", "mutes"]) {
      await sql`insert into ${sql(table)} (channel, user_id, given_by, at)
        select 'many-' || n, 'b-' || m, 'ada', 1 from generate_series(101, 3000) n, generate_series(1, 3) m`;
    }
    await sql`analyze channels, members, bans, mutes`;
    const wishes = Array.from({ length: 50 }, (_, n) => ({ channel: `many-${n}`, users: ["u-1", "nosy"] }));
    await sql.begin(async (transaction) => {
      await transaction`set local plan_cache_mode = force_generic_plan`;
      const found = await transaction.unsafe(loadStatement("standings-read"), [JSON.stringify(wishes), "256"]);
      expect(found).toHaveLength(49);
      const tables = ["channels", "members", "bans", "mutes"];
      const [read] = await transaction`
        select sum(seq_tup_read)::integer as rows from pg_stat_xact_user_tables where relname = any (${tables})`;
      expect(read?.["rows"]).toBe(0);
    });
  });
});
