// Edits, deletions and reactions through three edges, a persister, Redis and Postgres: random ones against a model, whichever
// tier a reader is served from and whoever is cut or stalled meanwhile; and very many on one message.
import { checkHistories, describeViolations, eventually, viewOf } from "@rookery/testkit";
import type { Change, ChatClient, Frame } from "@rookery/testkit";
import * as fc from "fast-check";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { BEGINNING, EDGES, startChangesCluster } from "./changes-cluster.ts";
import type { ChangesCluster } from "./changes-cluster.ts";
import { createModel, foldedFrames, foldedView } from "./changes-model.ts";
import type { Model } from "./changes-model.ts";

const USERS = ["ann", "bob", "eve"];
const EMOJI = ["👍", "🎉", "👩🏽‍🚀"];
/** Of another's message, and of one that is deleted. */
const REFUSALS: ReadonlySet<string> = new Set(["forbidden", "not_found"]);

let shared: ChangesCluster;
beforeAll(async () => {
  shared = await startChangesCluster();
});

describe("random changes", () => {
  /** `of` counts from the newest message. */
  const who = fc.nat({ max: USERS.length - 1 });
  const of = fc.nat({ max: 12 });
  const act = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant("send" as const), who, answers: fc.option(of, { nil: undefined }) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("edit" as const), who, of, text: fc.nat({ max: 3 }) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("delete" as const), who, of }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("react" as const),
        who,
        of,
        emoji: fc.constantFrom(...EMOJI),
        on: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), who }) },
  );
  type Act = typeof act extends fc.Arbitrary<infer Drawn> ? Drawn : never;
  /** What is in one group happens at once. */
  const run = fc.array(fc.array(act, { minLength: 1, maxLength: 6 }), { minLength: 12, maxLength: 24 });

  interface Stage {
    readonly channel: string;
    readonly clients: readonly ChatClient[];
    readonly model: Model;
    /** Ids in the order in which they were acknowledged. */
    readonly ids: string[];
  }

  async function perform({ channel, clients, model, ids }: Stage, drawn: Act): Promise<void> {
    const client = clients[drawn.who];
    if (client === undefined) throw new Error("nobody there");
    const named = (back: number | undefined): string | undefined =>
      back === undefined ? undefined : ids.at(-1 - back);
    if (drawn.kind === "cut") {
      const session = client.session();
      client.kill();
      await eventually(() => client.session() > session);
      return;
    }
    if (drawn.kind === "send") {
      const replyTo = named(drawn.answers);
      const body = `${client.user} says ${ids.length} to @bob`;
      const ok = await client.send(channel, body, undefined, replyTo === undefined ? {} : { replyTo });
      if (ok.type !== "ok") throw new Error(`a send was refused: ${String(ok.code)}`);
      ids.push(String(ok.id));
      model.sent(channel, client.user, body, replyTo, ok);
      return;
    }
    const id = named(drawn.of);
    if (id === undefined) return;
    const change = changeOf(channel, id, drawn);
    const reply = await client.change(change);
    if (reply.type === "ok") model.changed(client.user, change, reply);
    else if (!REFUSALS.has(String(reply.code))) throw new Error(`${change.type} was refused: ${String(reply.code)}`);
  }

  function changeOf(channel: string, id: string, drawn: Exclude<Act, { kind: "send" | "cut" }>): Change {
    if (drawn.kind === "edit") return { type: "edit", channel, id, body: `text ${drawn.text}` };
    if (drawn.kind === "delete") return { type: "delete", channel, id };
    return { type: "react", channel, id, emoji: drawn.emoji, on: drawn.on };
  }

  const uncounted = (shown: readonly object[]): object[] => shown.map((each) => ({ ...each, replies: undefined }));
  const bodyless = (frame: Frame): boolean => frame.body === undefined;

  async function readBack(client: ChatClient, channel: string, limit: number): Promise<Frame[]> {
    const frames: Frame[] = [];
    for (let more = true; more;) {
      const [first] = frames;
      const before = first === undefined ? {} : { before: { epoch: first.epoch ?? 0, seq: first.seq ?? 0 } };
      const page = await client.readHistory(channel, { limit, ...before });
      expect(page.type).toBe("ok");
      frames.unshift(...(page.messages ?? []));
      more = page.more === true && (page.messages ?? []).length > 0;
    }
    return frames;
  }

  it(
    "end the same for everybody, wherever it is read and whatever was cut or stalled meanwhile",
    { timeout: 60_000 * inject("fuzzTimes") },
    async () => {
      const clients = await Promise.all(USERS.map((user, n) => shared.connect(user, n)));
      const histories = clients.map(({ history }) => history);
      await fc.assert(
        fc.asyncProperty(run, fc.nat({ max: 11 }), fc.nat({ max: 6 }), async (groups, stalls, lasts) => {
          const stage: Stage = { channel: shared.newChannel(), clients, model: createModel(), ids: [] };
          const { channel, model } = stage;
          await Promise.all(clients.map((client) => client.join(channel, { after: BEGINNING })));
          for (const [n, group] of groups.entries()) {
            if (n === stalls) shared.stall();
            if (n === stalls + lasts) shared.goOn();
            await Promise.all(group.map((drawn) => perform(stage, drawn)));
          }
          shared.goOn();
          await Promise.all(clients.map((client) => client.ready()));
          const view = model.view();

          // While part of it is in Redis alone. An answer whose deletion Postgres does not have yet may still be counted.
          for (const client of clients) {
            const page = await client.readHistory(channel, { limit: 200 });
            expect(uncounted(foldedFrames(page.messages ?? []))).toEqual(uncounted(foldedView(view, client.user)));
          }
          if (stage.ids.length > 0) await shared.drained(channel);
          const rows = await shared.cluster.rows(channel);
          await eventually(() => {
            for (const client of clients) expect(client.inOrder(channel)).toHaveLength(rows.length);
          });
          for (const client of clients) {
            await client.ready();
            expect(viewOf(client.inOrder(channel))).toEqual(view);
            for (const limit of [200, 3]) {
              expect(foldedFrames(await readBack(client, channel, limit))).toEqual(foldedView(view, client.user));
            }
          }
          const newcomer = await shared.connect("newcomer", groups.length % EDGES);
          await newcomer.join(channel, { after: BEGINNING });
          expect(viewOf(newcomer.inOrder(channel))).toEqual(view);
          const gone = new Set([...view].flatMap(([id, { isDeleted }]) => (isDeleted ? [id] : [])));
          const left = newcomer.inOrder(channel).filter(({ type, id = "" }) => type !== "deleted" && gone.has(id));
          expect(left.every((frame) => frame.type === "reaction" || bodyless(frame))).toBe(true);
          await newcomer.close();
          histories.push(newcomer.history);

          expect(rows.filter(({ type }) => type === "message").map(({ id, body }) => [id, body ?? undefined])).toEqual(
            [...view].map(([id, { body }]) => [id, body]),
          );
          const standing = await shared.sql`
          select target as id, emoji, user_id as "user" from reactions where channel = ${channel} and standing`;
          expect(new Set(standing.map(({ id, emoji, user }) => `${id} ${emoji} ${user}`))).toEqual(
            new Set(
              [...view].flatMap(([id, { reactions }]) =>
                [...reactions].flatMap(([emoji, users]) => [...users].map((user) => `${id} ${emoji} ${user}`)),
              ),
            ),
          );
          for (const client of clients) await client.leave(channel);
        }),
        { numRuns: 4 * inject("fuzzTimes"), endOnFailure: true },
      );
      const rows = await shared.cluster.rows();
      expect(describeViolations(checkHistories({ clients: histories, rows }))).toBe("");
      expect(clients.flatMap((client) => client.problems())).toEqual([]);
      await Promise.all(clients.map((client) => client.close()));
    },
  );
});

describe("a thousand reactions on one message", () => {
  it("of a few sessions are each told to everybody, and counted", async () => {
    const channel = shared.newChannel();
    const users = ["r1", "r2", "r3", "r4", "r5"];
    const clients = await Promise.all(users.map((user, n) => shared.connect(user, n % EDGES)));
    for (const client of clients) await client.join(channel, { after: BEGINNING });
    const { id } = (await clients[0]?.send(channel, "well said")) ?? {};
    const emoji = Array.from({ length: 40 }, (_, n) => String.fromCodePoint(0x1f400 + n));
    const turns = [true, false, true, false, true];
    await Promise.all(
      clients.map(async (client) => {
        for (const on of turns) {
          const puts = emoji.map((one) => client.change({ type: "react", channel, id: String(id), emoji: one, on }));
          for (const reply of await Promise.all(puts)) expect(reply.type).toBe("ok");
        }
      }),
    );
    await eventually(() => {
      for (const client of clients) expect(client.inOrder(channel)).toHaveLength(1_001);
    });
    const page = await clients[4]?.readHistory(channel, {});
    expect(foldedFrames(page?.messages ?? [])).toMatchObject([
      { id, reactions: emoji.map((one) => ({ emoji: one, count: 5, mine: true })) },
    ]);
    await shared.drained(channel);
    expect(await shared.cluster.rows(channel)).toHaveLength(1_001);
    expect(clients.flatMap((client) => client.problems())).toEqual([]);
    await Promise.all(clients.map((client) => client.close()));
  });
});
