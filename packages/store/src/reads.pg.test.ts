// Contract of read positions in Postgres: forward only, and unread counts that are exact by whichever way they are made.
import type { Position } from "@rookery/protocol";
import { testPostgres } from "@rookery/testkit";
import * as fc from "fast-check";
import { afterAll, describe, expect, inject, it } from "vitest";
import { EPOCH, messageId, messageRow } from "./batch.fixture.ts";
import { connectStore } from "./connect.ts";
import { saveSeen } from "./last-seen.ts";
import { createReadPositions } from "./reads.ts";
import type { ReadAnswer } from "./reads.ts";

const { url, sql } = await testPostgres();
const store = connectStore({ url, max: 2, application: "test", statementTimeoutMs: 20_000 });
afterAll(() => store.close());
const reads = createReadPositions(store);

const at = (seq: number, epoch = EPOCH): Position => ({ epoch, seq });
const spanOf = (read: Position, upTo: Position, most = 100) => ({ read, upTo, mostUnread: most, mostMentions: most });

/** What matters of a message here. */
interface Written {
  readonly author: string;
  readonly isDeleted?: boolean;
  readonly kind?: string;
  readonly mentions?: readonly string[];
}

const idOf = (channel: string, seq: number): string => messageId(`${channel}-${EPOCH}-${seq}`);

async function write(channel: string, rows: readonly Written[]): Promise<void> {
  const columns = rows.map(({ author, isDeleted = false, kind = "message" }, n) => {
    const row = messageRow(channel, n + 1, { author });
    return { seq: row.seq, id: row.id, author, kind, deletedAt: isDeleted ? EPOCH : null };
  });
  await sql`
    insert into messages (channel, epoch, seq, kind, id, author, at, deleted_at)
    select ${channel}, ${EPOCH}, r.seq, r.kind, r.id, r.author, ${EPOCH}, r."deletedAt"
    from jsonb_to_recordset(${sql.json(columns)}) as r (seq bigint, kind text, id text, author text, "deletedAt" bigint)`;
  const mentions = rows.flatMap(({ author, mentions: users = [], isDeleted = false }, n) =>
    isDeleted ? [] : users.filter((user) => user !== author).map((user) => ({ user, seq: n + 1 })),
  );
  if (mentions.length === 0) return;
  await sql`
    insert into mentions (channel, user_id, epoch, seq)
    select ${channel}, r."user", ${EPOCH}, r.seq from jsonb_to_recordset(${sql.json(mentions)}) as r ("user" text, seq bigint)`;
}

async function count(
  channel: string,
  user: string,
  read: Position,
  upTo: Position,
  deleted: string[] = [],
  most = 100,
) {
  const [answer] = await reads.find([{ channel, user, span: spanOf(read, upTo, most) }], deleted);
  return answer;
}

describe("a read position", () => {
  it("moves forward, and what is older changes nothing", async () => {
    const save = async (position: Position): Promise<ReadAnswer | undefined> => {
      await reads.save([{ channel: "forward", user: "ann", position }]);
      return (await reads.find([{ channel: "forward", user: "ann" }], []))[0];
    };
    expect(await save(at(5))).toMatchObject({ read: at(5) });
    expect(await save(at(4))).toMatchObject({ read: at(5) });
    expect(await save(at(1, EPOCH + 1))).toMatchObject({ read: at(1, EPOCH + 1) });
    expect(await save(at(900))).toMatchObject({ read: at(1, EPOCH + 1) });
  });

  it("is found for many at once, in order, beside counts, and of nobody who never read", async () => {
    await write("many", [{ author: "ann" }, { author: "bob" }, { author: "bob" }]);
    await reads.save(["u1", "u2"].map((user, n) => ({ channel: "many", user, position: at(n + 1) })));
    const answers = await reads.find(
      [
        { channel: "many", user: "u2" },
        { channel: "many", user: "ann", span: spanOf(at(0), at(3)) },
        { channel: "many", user: "nobody" },
        { channel: "never", user: "u1" },
        { channel: "many", user: "u1" },
      ],
      [],
    );
    expect(answers.map(({ read, unread }) => [read?.seq, unread])).toEqual([
      [2, 0],
      [undefined, 2],
      [undefined, 0],
      [undefined, 0],
      [1, 0],
    ]);
  });
});

describe("what is unread", () => {
  it("leaves out the user's own, deleted ones, changes, and deletions that are not stored yet", async () => {
    await write("kinds", [
      { author: "bob", mentions: ["ann"] },
      { author: "ann", mentions: ["ann"] },
      { author: "bob", isDeleted: true, mentions: ["ann"] },
      { author: "bob", kind: "reaction" },
      { author: "cyd", mentions: ["ann", "bob"] },
    ]);
    expect(await count("kinds", "ann", at(0), at(5))).toMatchObject({ unread: 2, mentions: 2 });
    expect(await count("kinds", "ann", at(0), at(5), [idOf("kinds", 5)])).toMatchObject({ unread: 1, mentions: 1 });
    expect(await count("kinds", "ann", at(1), at(4))).toMatchObject({ unread: 0, mentions: 0 });
    expect(await count("kinds", "ann", at(0), at(5), [], 1)).toMatchObject({ unread: 1, mentions: 1 });
  });

  it("is exact behind a thousand of one's own and behind a thousand deleted ones", async () => {
    const others = (n: number): Written[] => Array.from({ length: n }, (_, k) => ({ author: `other-${k}` }));
    const own = Array.from({ length: 1_000 }, () => ({ author: "ann" }));
    const deleted = Array.from({ length: 1_000 }, () => ({ author: "bob", isDeleted: true }));
    await write("behind", [...others(7), ...own, ...deleted, ...others(3)]);
    expect(await count("behind", "ann", at(0), at(2_010))).toMatchObject({ unread: 10 });
    expect(await count("behind", "ann", at(5), at(2_010))).toMatchObject({ unread: 5 });
    expect(await count("behind", "ann", at(0), at(2_010), [idOf("behind", 1), idOf("behind", 2_010)])).toMatchObject({
      unread: 8,
    });
  });

  it("is exact in a channel with more authors than are looked up one by one", async () => {
    const authors = Array.from({ length: 700 }, (_, n) => ({ author: `a${n}`, isDeleted: false }));
    await write("crowd", [...authors, ...Array.from({ length: 600 }, () => ({ author: "ann" }))]);
    expect(await count("crowd", "ann", at(690), at(1_300))).toMatchObject({ unread: 10 });
    expect(await count("crowd", "ann", at(600), at(1_300))).toMatchObject({ unread: 100 });
    expect(await count("crowd", "a3", at(690), at(1_300))).toMatchObject({ unread: 100 });
  });

  it("is what a plain count says, wherever one has read and whatever is deleted", async () => {
    let made = 0;
    const author = fc.constantFrom("ann", "ann", "ann", "bob", "cyd");
    const message = fc.record({ author, isDeleted: fc.boolean(), mentions: fc.subarray(["ann", "bob"]) });
    const stretch = fc.tuple(message, fc.integer({ min: 1, max: 400 }));
    const drawn = fc.record({
      rows: fc
        .array(stretch, { minLength: 1, maxLength: 6 })
        .map((some) => some.flatMap(([one, n]) => Array(n).fill(one))),
      read: fc.nat(1_000),
      upTo: fc.nat(2_400),
      gone: fc.array(fc.nat(2_400), { maxLength: 3 }),
      most: fc.constantFrom(3, 100),
    });
    const property = fc.asyncProperty(drawn, async ({ rows, read, upTo, gone, most }) => {
      made += 1;
      const channel = `plain-${made}`;
      const written: readonly Written[] = rows;
      await write(channel, written);
      const isSeen = (each: Written, n: number): boolean =>
        n + 1 > read && n + 1 <= upTo && !(each.isDeleted ?? false) && !gone.includes(n + 1);
      const others = written.filter((each, n) => isSeen(each, n) && each.author !== "ann");
      const answer = await count(
        channel,
        "ann",
        at(read),
        at(upTo),
        gone.map((seq) => idOf(channel, seq)),
        most,
      );
      expect(answer).toMatchObject({
        unread: Math.min(most, others.length),
        mentions: Math.min(most, others.filter(({ mentions = [] }) => mentions.includes("ann")).length),
      });
    });
    await fc.assert(property, { numRuns: 12 * inject("fuzzTimes") });
  });
});

describe("the newest mentions", () => {
  it("are given for several channels, newest first, as many as asked for", async () => {
    const rows = Array.from({ length: 5 }, () => ({ author: "bob", mentions: ["ann", "cyd"] }));
    await write("named", rows);
    const asked = ["named", "never"].map((channel) => ({ channel, upTo: at(4) }));
    const [named, never] = await reads.newestMentions(asked, 3);
    expect(named?.map(({ position }) => position.seq)).toEqual([4, 4, 3]);
    expect(named?.[0]?.id).toBe(idOf("named", 4));
    expect(never).toEqual([]);
  });
});

describe("when somebody was last seen", () => {
  const userOf = async (id: string) =>
    (await sql`select name, first_seen_at as first, last_seen_at as last from users where id = ${id}`)[0];

  it("goes forward, with the name of that moment, and the first time back", async () => {
    await saveSeen(store, [{ user: "seen", name: "One", at: 1_000 }]);
    await saveSeen(store, [{ user: "seen", name: "Two", at: 2_000 }]);
    await saveSeen(store, [{ user: "seen", name: "Late", at: 500 }]);
    expect(await userOf("seen")).toMatchObject({ name: "Two", first: "500", last: "2000" });
  });

  it("is noted for many in one statement", async () => {
    await saveSeen(
      store,
      Array.from({ length: 1_000 }, (_, n) => ({ user: `seen-${n}`, name: `N "${n}", \\`, at: n })),
    );
    expect(await userOf("seen-7")).toMatchObject({ name: 'N "7", \\', last: "7" });
  });
});
