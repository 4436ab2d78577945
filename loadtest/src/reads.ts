// reads: what it costs a join to tell what is unread. A crowd of 9,000 joins one channel, 50 at a time, in which nothing was ever
// said; in which each has read some and Redis knows it, with all or with the newest of the messages in the log; and whom Redis
// does not know. CPU of the edge and of Redis, statements of Postgres. And what a count costs Postgres at 100,000 rows behind.

import { composeMessage, createKeys, createPartitions } from "@rookery/broker";
import postgres from "postgres";
import { compare } from "./compare.ts";
import type { Comparison, Side } from "./compare.ts";
import type { CrowdOrder } from "./connect-crowd.ts";
import { joinFrame, requestOf } from "./joiner.ts";
import { openPostgresLine } from "./postgres-line.ts";
import { cpuSeconds } from "./process-cost.ts";
import { median, round } from "./report.ts";
import type { Report } from "./report.ts";
import { nextMessage, startRig, UNFENCED } from "./rig.ts";
import type { Rig } from "./rig.ts";

const SOCKETS = 9000;
const AT_ONCE = 50;
const ROUNDS = 3;
const BEHIND = 100_000;
const COUNTS = 25;
/** A run of Redis' own client holds so many fields. */
const FIELDS_AT_ONCE = 1000;

const keys = createKeys(createPartitions(64));

export async function reads(): Promise<Report> {
  const rig = await startRig();
  const line = await openPostgresLine(rig.postgresUrl);
  try {
    const crowd = rig.forkHere("connect-crowd.js", []);
    const edge = await rig.startEdge({ ROOKERY_POSTGRES_URL: line.url });
    const redisPid = await rig.redisPid();
    const edgePid = rig.pidOf(edge.process);
    const users = Array.from({ length: SOCKETS }, (_, n) => `user-${n}`);
    const tokens = await Promise.all(users.map((user) => rig.token(user)));
    const requests = tokens.map((token) => requestOf([`Authorization: Bearer ${token}`]));
    const sideOf = (name: string, channel: string, before: () => Promise<unknown>): Side => ({
      name,
      async round() {
        await before();
        const from = { edge: cpuSeconds(edgePid), redis: cpuSeconds(redisPid), writes: line.writes() };
        const order = { port: edge.port, requests, frame: joinFrame(channel), until: '"more":', atOnce: AT_ONCE };
        crowd.send(order satisfies CrowdOrder);
        await nextMessage(crowd);
        const micros = (seconds: number): number => (seconds * 1e6) / SOCKETS;
        const figures = {
          "edge µs": micros(cpuSeconds(edgePid) - from.edge),
          "Redis µs": micros(cpuSeconds(redisPid) - from.redis),
          statements: line.writes() - from.writes,
        };
        crowd.send("leave");
        await nextMessage(crowd);
        await settled(edgePid);
        return figures;
      },
    });
    await speak(rig, "whole", 200);
    await speak(rig, "long", 1000);
    await speak(rig, "strange", 200);
    const knownIn = (channel: string) => (): Promise<unknown> => know(rig, channel, users);
    const silent = sideOf("nothing was ever said", "silent", () => Promise.resolve());
    const others = [
      sideOf("known, 200 messages", "whole", knownIn("whole")),
      sideOf("known, 1,000 messages", "long", knownIn("long")),
      sideOf("not known, 200 messages", "strange", () => rig.redis.del(keys.channel("strange").read)),
    ];
    const found = await compare(silent, others, ROUNDS);
    const rows = [silent, ...others].map((side) => rowOf(found, side));
    return { name: "reads", sockets: SOCKETS, atOnce: AT_ONCE, rows, behind: await behind(rig) };
  } finally {
    line.close();
    await rig.stop();
  }
}

function rowOf(found: Comparison, side: Side): Record<string, string | number> {
  const edge = found.toBaseline(side, "edge µs");
  const redis = found.toBaseline(side, "Redis µs");
  return {
    what: side.name,
    "edge µs": found.of(side, "edge µs"),
    "edge to silent": edge.ratio,
    spread: edge.spread,
    "Redis µs": found.of(side, "Redis µs"),
    "Redis to silent": redis.ratio,
    statements: found.of(side, "statements"),
  };
}

/** Each has read a third of the channel, and Redis knows it. */
async function know(rig: Rig, channel: string, users: readonly string[]): Promise<void> {
  const { head, read } = keys.channel(channel);
  const [epoch, seq] = await rig.redis.hmget(head, "epoch", "seq");
  const position = `${epoch ?? 0}-${Math.floor(Number(seq) / 3)}`;
  for (let from = 0; from < users.length; from += FIELDS_AT_ONCE) {
    await rig.redis.hset(read, new Map(users.slice(from, from + FIELDS_AT_ONCE).map((user) => [user, position])));
  }
}

async function speak(rig: Rig, channel: string, messages: number): Promise<void> {
  const publisher = rig.publisher();
  for (let n = 0; n < messages; n += 1) {
    const id = `bench-${String(n).padStart(15, "0")}`;
    const parts = { channel, id, clientId: id, user: "bench", name: "bench", body: "x".repeat(40) };
    await publisher.publish({ ...composeMessage(parts), ...UNFENCED });
  }
}

/** Who wrote what stands behind the read position, as SQL, and whether it is deleted. */
const SHAPES: readonly (readonly [what: string, author: string, isDeleted: string])[] = [
  ["all by others", "'u' || n % 1000", "false"],
  ["all one's own", "'ann'", "false"],
  ["one's own, 50 by others", "case when n % 2000 = 7 then 'u' || n else 'ann' end", "false"],
  ["one's own behind 450 authors", "case when n <= 1000 then 'w' || n % 450 else 'ann' end", "false"],
  ["one's own behind 10,000 authors", "case when n <= 20000 then 'w' || n % 10000 else 'ann' end", "false"],
  ["deleted but for 33", "'bob'", "n % 3000 <> 5"],
];

async function behind(rig: Rig): Promise<Record<string, string | number>[]> {
  const sql = postgres(rig.postgresUrl, { max: 1, onnotice: () => undefined });
  try {
    for (const [channel, author, isDeleted] of SHAPES) {
      await sql`
        insert into messages (channel, epoch, seq, kind, id, author, body, at, deleted_at)
        select ${channel}, 1, n, 'message', 'id' || n, ${sql.unsafe(author)}, repeat('x', 80), n,
          case when ${sql.unsafe(isDeleted)} then n end
        from generate_series(1, ${BEHIND}::integer) as n`;
    }
    await sql`vacuum analyze messages`;
    const rows: Record<string, string | number>[] = [];
    for (const [channel] of SHAPES) {
      // Of those who came before the flood nothing is behind the position.
      const from = channel.includes("10,000") ? 19_900 : 0;
      const ms: number[] = [];
      for (let n = 0; n < COUNTS; n += 1) {
        const [plan] = await sql<{ "QUERY PLAN": [{ "Execution Time": number }] }[]>`
          explain (analyze, format json) select count_unread(${channel}, 'ann', 1, ${from}, 1, ${BEHIND}, '{}', 100)`;
        ms.push(plan?.["QUERY PLAN"][0]["Execution Time"] ?? Number.NaN);
      }
      const [counted] =
        await sql`select count_unread(${channel}, 'ann', 1, ${from}, 1, ${BEHIND}, '{}', 100) as unread`;
      rows.push({
        what: channel,
        unread: Number(counted?.["unread"]),
        ms: round(median(ms)),
        most: round(Math.max(...ms)),
      });
    }
    console.table(rows);
    return rows;
  } finally {
    await sql.end();
  }
}

/** Until the edge has done with those who left: it uses next to no CPU for a moment. */
async function settled(pid: number): Promise<void> {
  for (let before = -1; cpuSeconds(pid) - before > 0.01;) {
    before = cpuSeconds(pid);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
