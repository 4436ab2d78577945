// What edits, deletions and reactions are refused for, and what is left of a text that was deleted: nothing, in either store.
import type { Change, ChatClient, Frame } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { BEGINNING, startChangesCluster } from "./changes-cluster.ts";
import type { ChangesCluster } from "./changes-cluster.ts";

let shared: ChangesCluster;
beforeAll(async () => {
  shared = await startChangesCluster();
});

describe("what is refused", () => {
  const CHANNEL = "refusals";
  const absent = "absent-absent-absent1";
  let ann: ChatClient;
  let bob: ChatClient;
  let standing: string;
  let gone: string;

  beforeAll(async () => {
    [ann, bob] = await Promise.all([shared.connect("ann", 0), shared.connect("bob", 1)]);
    for (const client of [ann, bob]) await client.join(CHANNEL);
    standing = String((await ann.send(CHANNEL, "stands")).id);
    gone = String((await ann.send(CHANNEL, "goes")).id);
    await ann.change({ type: "delete", channel: CHANNEL, id: gone });
  });
  afterAll(() => Promise.all([ann.close(), bob.close()]));

  const edit = (body: string) => ({ type: "edit", channel: CHANNEL, body });
  const react = (emoji: string) => ({ type: "react", channel: CHANNEL, emoji, on: true });
  const cases: [string, Record<string, unknown>, "standing" | "gone" | "absent", "ann" | "bob", string][] = [
    ["editing another's message", edit("mine"), "standing", "bob", "forbidden"],
    ["deleting another's message", { type: "delete", channel: CHANNEL }, "standing", "bob", "forbidden"],
    ["editing what is nowhere", edit("x"), "absent", "ann", "not_found"],
    ["deleting what is nowhere", { type: "delete", channel: CHANNEL }, "absent", "ann", "not_found"],
    ["reacting to what is nowhere", react("👍"), "absent", "ann", "not_found"],
    ["editing what was deleted", edit("x"), "gone", "ann", "not_found"],
    ["reacting to what was deleted", react("👍"), "gone", "bob", "not_found"],
    ["two graphemes", react("👍👍"), "standing", "bob", "invalid"],
    ["an emoji that shows nothing", react("\u200d"), "standing", "bob", "invalid"],
    ["no emoji", { type: "react", channel: CHANNEL, on: true }, "standing", "bob", "bad_frame"],
    ["an edit of 4,097 bytes", edit(`${"é".repeat(2048)}a`), "standing", "ann", "too_large"],
    ["an empty edit", edit(""), "standing", "ann", "invalid"],
    ["an edit with a control character", edit("a\u0000"), "standing", "ann", "invalid"],
    [
      "editing in a channel that was not joined",
      { ...edit("x"), channel: "elsewhere" },
      "standing",
      "ann",
      "not_joined",
    ],
    ["deleting there", { type: "delete", channel: "elsewhere" }, "standing", "ann", "not_joined"],
    ["reacting there", { ...react("👍"), channel: "elsewhere" }, "standing", "ann", "not_joined"],
    [
      "reacting by another channel than the message's",
      { ...react("👍"), channel: "beside" },
      "standing",
      "ann",
      "not_found",
    ],
  ];

  it.each(cases)("is told as documented and changes nothing: %s", async (_what, frame, which, who, code) => {
    const client = who === "ann" ? ann : bob;
    if (frame["channel"] === "beside") await client.join("beside");
    const before = await ann.request({ type: "history", channel: CHANNEL });
    const id = { standing, gone, absent }[which];
    expect(await client.request({ ...frame, type: String(frame["type"]), id })).toMatchObject({ type: "error", code });
    const head = await ann.request({ type: "join", channel: CHANNEL });
    expect(head.messages).toEqual(before.messages);
    expect(head.seq).toBe(3);
  });

  it("of the right type for a message that is one's own: nothing at all, and a repeat stands where the first does", async () => {
    const { id } = await ann.send(CHANNEL, "once");
    const change = async (frame: Change): Promise<number | undefined> => (await ann.change(frame)).seq;
    const first = await change({ type: "edit", channel: CHANNEL, id: String(id), body: "twice" });
    expect(await change({ type: "edit", channel: CHANNEL, id: String(id), body: "twice" })).toBe(first);
    const put = await change({ type: "react", channel: CHANNEL, id: String(id), emoji: "👍", on: true });
    expect(await change({ type: "react", channel: CHANNEL, id: String(id), emoji: "👍", on: true })).toBe(put);
    const taken = await change({ type: "react", channel: CHANNEL, id: String(id), emoji: "👍", on: false });
    expect(await change({ type: "react", channel: CHANNEL, id: String(id), emoji: "👍", on: false })).toBe(taken);
    const deleted = await change({ type: "delete", channel: CHANNEL, id: String(id) });
    expect(await change({ type: "delete", channel: CHANNEL, id: String(id) })).toBe(deleted);
    const { seq } = await ann.send(CHANNEL, "nothing came in between");
    expect(seq).toBe((deleted ?? 0) + 1);
  });

  it("is a 51st emoji, while those that stand may be put by anybody", async () => {
    const { id } = await ann.send(CHANNEL, "popular");
    const emoji = Array.from({ length: 51 }, (_, n) => String.fromCodePoint(0x1f400 + n));
    const put = (client: ChatClient, one: string | undefined, on = true): Promise<Frame> =>
      client.change({ type: "react", channel: CHANNEL, id: String(id), emoji: one ?? "", on });
    for (const one of emoji.slice(0, 50)) expect(await put(ann, one)).toMatchObject({ type: "ok" });
    expect(await put(ann, emoji[50])).toMatchObject({ type: "error", code: "too_many" });
    expect(await put(bob, emoji[50])).toMatchObject({ type: "error", code: "too_many" });
    expect(await put(bob, emoji[0])).toMatchObject({ type: "ok" });
    expect(await put(ann, emoji[7], false)).toMatchObject({ type: "ok" });
    expect(await put(bob, emoji[50])).toMatchObject({ type: "ok" });
  });
});

describe("a text that was deleted", () => {
  const MARKER = "zxq-marker-7f3a9c";

  /** Every value that Redis holds, read by its type. */
  async function allOfRedis(): Promise<string> {
    const texts: unknown[] = [];
    for (const key of await shared.redis.keys("*")) {
      const type = await shared.redis.type(key);
      if (type === "string") texts.push(key, await shared.redis.get(key));
      else if (type === "hash") texts.push(key, await shared.redis.hgetall(key));
      else if (type === "stream") texts.push(key, await shared.redis.xrange(key, "-", "+"));
      else if (type === "set") texts.push(key, await shared.redis.smembers(key));
      else if (type === "zset") texts.push(key, await shared.redis.zrange(key, "0", "-1"));
      // none: it has expired since
      else if (type !== "none") throw new Error(`nobody reads a ${type} here`);
    }
    return JSON.stringify(texts);
  }

  /** Tables in which it stands, as text or as bytes. */
  async function tablesWith(marker: string): Promise<string[]> {
    const tables = await shared.sql<{ name: string }[]>`
      select table_name as name from information_schema.tables where table_schema = 'public'`;
    const hex = Buffer.from(marker).toString("hex");
    const found = await Promise.all(
      tables.map(async ({ name }) => {
        const rows = await shared.sql`
          select 1 from ${shared.sql(name)} as t where t::text like ${`%${marker}%`} or t::text like ${`%${hex}%`} limit 1`;
        return rows.length > 0 ? [name] : [];
      }),
    );
    return found.flat();
  }

  async function speak(client: ChatClient, channel: string): Promise<string> {
    const { id } = await client.send(channel, `${MARKER} @bob`, "the-clientid", { meta: { [MARKER]: MARKER } });
    const change = { channel, id: String(id) };
    for (const text of ["first", "second"]) {
      expect((await client.change({ type: "edit", ...change, body: `${MARKER} ${text}` })).type).toBe("ok");
    }
    await client.change({ type: "react", ...change, emoji: "👍", on: true });
    return change.id;
  }

  it.each([
    ["before Postgres has any of it", false],
    ["once Postgres has it", true],
  ])("is nowhere any more, neither in Redis nor, once that is drained, in Postgres: %s", async (_when, isSaved) => {
    const channel = shared.newChannel();
    const client = await shared.connect("ann", 0);
    await client.join(channel);
    if (!isSaved) shared.stall();
    try {
      const id = await speak(client, channel);
      const kept = await client.send(channel, "stays");
      if (isSaved) await shared.drained(channel);
      expect((await tablesWith(MARKER)).includes("messages")).toBe(isSaved);
      expect(await allOfRedis()).toContain(isSaved ? "stays" : MARKER);
      shared.stall();
      const other = await shared.connect("ann", 1);
      await other.join(channel);
      // An edit on its way meets the deletion: whichever is first, no text is left.
      const [deleted] = await Promise.all([
        client.change({ type: "delete", channel, id }),
        other.change({ type: "edit", channel, id, body: `${MARKER} late` }),
      ]);
      expect(deleted.type).toBe("ok");
      expect(
        await client.send(channel, `${MARKER} @bob`, "the-clientid", { meta: { [MARKER]: MARKER } }),
      ).toMatchObject({
        ...{ type: "ok", duplicate: true, id },
      });
      expect(await allOfRedis()).not.toContain(MARKER);
      shared.goOn();
      await shared.drained(channel);
      expect(await tablesWith(MARKER)).toEqual([]);
      expect(await allOfRedis()).not.toContain(MARKER);
      const { messages = [] } = await client.readHistory(channel, {});
      expect(messages).toMatchObject([
        { id, deleted: true },
        { id: kept.id, body: "stays" },
      ]);
      const { messages: all = [] } = await other.readHistory(channel, { after: BEGINNING });
      expect(JSON.stringify(all)).not.toContain(MARKER);
      expect(all.map(({ seq }) => seq)).toEqual(all.map((_, n) => n + 1));
      await other.close();
    } finally {
      shared.goOn();
    }
    await client.close();
  });
});
