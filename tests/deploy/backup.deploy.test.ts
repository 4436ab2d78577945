// Backups that are really restored, by Postgres' own programs and copies of Redis' files, under clients who chat: what is kept,
// what is lost, and that whoever had it is told. Each test begins with a cluster of its own; the runbook tells the same order.
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startRedis } from "@rookery/servers";
import type { RunningServer } from "@rookery/servers";
import { checkHistories, comparePositions, describeViolations, eventually } from "@rookery/testkit";
import type { ChatClient, Frame } from "@rookery/testkit";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { debianPostgresPrograms, startDebianPostgres } from "./debian-postgres.ts";
import type { DebianPostgres } from "./debian-postgres.ts";
import { THIS_BUILD } from "./previous-build.ts";
import { createServices } from "./service-processes.ts";
import type { ServiceProcess, Services } from "./service-processes.ts";

const CHANNEL = "kept";
const NAMES = ["persister-1", "api-1", "edge-1"] as const;
/** A Redis that comes back empty waits until it is sure that no other one is drained. */
const TAKEN_IN_MS = 40_000;
const programs = await debianPostgresPrograms();

describe.skipIf(programs === undefined)("a restored store", () => {
  let folder: string;
  let redis: RunningServer;
  let postgres: DebianPostgres;
  let services: Services;
  let running: Map<string, ServiceProcess>;
  let clients: ChatClient[];
  /** Who is in the channel from its beginning. */
  let ann: ChatClient;
  let bob: ChatClient;

  beforeEach(async () => {
    clients = [];
    running = new Map();
    folder = await mkdtemp(join(tmpdir(), "rookery-backup-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    redis = await startRedis({ dir: join(folder, "redis") });
    onTestFinished(() => redis.stop());
    postgres = await startDebianPostgres(programs ?? "");
    onTestFinished(postgres.stop);
    services = createServices({ redisUrl: redis.url, postgresUrl: postgres.url, set: { ROOKERY_DRAIN_MS: "0" } });
    onTestFinished(services.stop);
    services.rookery(THIS_BUILD, "migrate", "up");
    await startAll();
    [ann, bob] = [await client("ann"), await client("bob")];
  });

  it("Redis lost with all that was in it: what was persisted is kept, what was only ok is told as lost, rights and reads stand", async () => {
    const kept = await say("kept", 20);
    await saved(20);
    const mark = kept.at(9);
    await request(bob, { type: "read", channel: CHANNEL, ...positionOf(mark) });
    await order("PUT", `/v1/channels/${CHANNEL}/bans/mallory`, {});
    await order("PUT", `/v1/channels/${CHANNEL}/members/bob`, { role: "moderator" });
    await eventually(async () => expect(await bob.join(CHANNEL)).toMatchObject({ role: "moderator" }));
    await eventually(() =>
      expect(postgres.run("psql", "-Atc", "select user_id from read_positions", postgres.url)).toBe("bob\n"),
    );
    // An outage of Postgres, or of all persisters, is what makes the difference between the two.
    expect(await running.get("persister-1")?.drain()).toBe(0);
    const lost = await say("lost", 20);
    const lostMs = Number(lost.at(-1)?.at) - Number(lost[0]?.at);

    const lostAtMs = performance.now();
    await emptied();
    await run("persister-1");
    const after = await accepted("after the loss");
    const outageMs = performance.now() - lostAtMs;

    await eventually(async () =>
      expect((await services.rows(CHANNEL)).map(({ id }) => id)).toEqual(ids([...kept, after])),
    );
    expect(Number(after.epoch)).toBeGreaterThan(Number(kept[0]?.epoch));
    for (const each of [ann, bob]) {
      const gap = await each.waitFor(({ type, lost: isLost }) => type === "gap" && isLost === true);
      expect(gap).toMatchObject({ from: positionOf(lost[0]) });
    }
    expect(await request(bob, { type: "join", channel: CHANNEL })).toMatchObject({
      role: "moderator",
      read: positionOf(mark),
    });
    expect(
      await (await services.client("mallory", "edge-1")).request({ type: "join", channel: CHANNEL }),
    ).toMatchObject({ code: "banned" });
    await eventually(async () =>
      expect(await request(bob, { type: "members", channel: CHANNEL })).toMatchObject({ online: 2 }),
    );
    const [first] = kept;
    expect(await ann.send(CHANNEL, "kept 0", first?.clientId)).not.toHaveProperty("duplicate");
    process.stdout.write(
      `Redis lost: ${lost.length} messages of ${lostMs} ms told as lost, ok again after ${Math.round(outageMs)} ms\n`,
    );
  });

  it("Postgres restored from a dump under a newer Redis: persisters end with 78, and once Redis is emptied nobody meets a silent hole", async () => {
    const early = await say("early", 10);
    await saved(10);
    const dump = dumped();
    const late = await say("late", 10);
    await saved(20);
    await stopAll();
    restored(dump);
    expect(await services.rows(CHANNEL)).toHaveLength(10);

    const edge = await run("edge-1");
    await accepted("too early");
    const { code, log } = await services.runToEnd("persister-1", THIS_BUILD, {});
    expect(code).toBe(78);
    expect(log.join("\n")).toContain("Postgres has less than it once confirmed");
    expect(await services.rows(CHANNEL)).toHaveLength(10);

    expect(await edge.drain()).toBe(0);
    await emptied();
    await startAll();
    const after = await accepted("after the restore");
    await eventually(async () =>
      expect((await services.rows(CHANNEL)).map(({ id }) => id)).toEqual(ids([...early, after])),
    );
    const [row] = (await services.rows(CHANNEL)).slice(-1);
    expect(row?.prev).toEqual(positionOf(early.at(-1)));
    for (const { history } of [ann, bob])
      expect(history.events.findLast(({ kind }) => kind === "start")).toMatchObject({ recovered: false });
    expect(late).toHaveLength(10);
    const eve = await client("eve");
    expect(eve.inOrder(CHANNEL).map(({ id }) => id)).toEqual(ids([...early, after]));
  });

  it("a running persister notices that its Postgres was restored, before it stores anything behind the hole", async () => {
    await say("early", 5);
    await saved(5);
    const dump = dumped();
    await say("late", 5);
    await saved(10);
    restored(dump);
    await ann.send(CHANNEL, "behind the hole");
    expect(await running.get("persister-1")?.ended).toBe(78);
    expect(await services.rows(CHANNEL)).toHaveLength(5);
  });

  it("Redis restored from older files under a newer Postgres: positions go on above what is stored, and nothing stands twice", async () => {
    const early = await say("early", 10);
    await saved(10);
    await cp(redis.dir, join(folder, "copy"), { recursive: true });
    const late = await say("late", 10);
    await saved(20);
    await replacedRedis(() => cp(join(folder, "copy"), redis.dir, { recursive: true }));
    const after = await accepted("after the restore");
    await eventually(async () =>
      expect((await services.rows(CHANNEL)).map(({ id }) => id)).toEqual(ids([...early, ...late, after])),
    );
    expect(comparePositions(positionOf(after), positionOf(late.at(-1)))).toBeGreaterThan(0);
    await eventually(() => expect(bob.inOrder(CHANNEL).map(({ id }) => id)).toEqual(ids([...early, ...late, after])));
    expect(
      describeViolations(
        checkHistories({ clients: clients.map(({ history }) => history), rows: await services.rows(), mode: "fast" }),
      ),
    ).toBe("");
  });

  async function run(name: string): Promise<ServiceProcess> {
    const started = await services.start(name, THIS_BUILD);
    running.set(name, started);
    return started;
  }

  async function startAll(): Promise<void> {
    await Promise.all(NAMES.map(run));
  }

  async function stopAll(): Promise<void> {
    await Promise.all([...running.values()].map((each) => each.drain()));
  }

  async function client(user: string): Promise<ChatClient> {
    const made = await services.client(user, "edge-1");
    onTestFinished(() => made.close());
    clients.push(made);
    await made.join(CHANNEL);
    return made;
  }

  /** One after the other; their answers, with their texts' clientIds. */
  async function say(text: string, count: number): Promise<Frame[]> {
    const answers: Frame[] = [];
    while (answers.length < count) answers.push(await ann.send(CHANNEL, `${text} ${answers.length}`));
    expect(answers.filter(({ type }) => type !== "ok")).toEqual([]);
    return answers;
  }

  /** Said again and again, until a cluster that heals takes it. */
  function accepted(text: string): Promise<Frame> {
    return eventually(
      async () => {
        await ann.ready();
        const answer = await ann.send(CHANNEL, text);
        return answer.type === "ok" && answer;
      },
      { withinMs: TAKEN_IN_MS, everyMs: 100, what: "a send that is taken" },
    );
  }

  async function request(who: ChatClient, frame: Frame): Promise<Frame> {
    await who.ready();
    return who.request(frame);
  }

  async function saved(count: number): Promise<void> {
    await eventually(async () => expect(await services.rows(CHANNEL)).toHaveLength(count));
  }

  async function order(method: string, path: string, body: object): Promise<void> {
    const headers = { authorization: `Bearer ${services.apiKey}`, "content-type": "application/json" };
    const url = `${running.get("api-1")?.http ?? ""}${path}`;
    const answer = await fetch(url, { method, headers, body: JSON.stringify(body) });
    expect(answer.status, await answer.text()).toBe(200);
  }

  const emptied = (): Promise<void> => replacedRedis(async () => undefined);

  /** Killed with all it has, then started on what `fill` leaves in its folder. */
  async function replacedRedis(fill: () => Promise<void>): Promise<void> {
    process.kill(redis.pid, "SIGKILL");
    await redis.exited;
    await redis.stop();
    await rm(redis.dir, { recursive: true, force: true });
    await fill();
    redis = await startRedis({ dir: redis.dir, port: redis.port });
    onTestFinished(redis.stop);
  }

  function dumped(): string {
    const file = join(folder, "rookery.dump");
    postgres.run("pg_dump", "--format=custom", `--file=${file}`, postgres.url);
    return file;
  }

  function restored(dump: string): void {
    const admin = new URL("postgres", postgres.url).href;
    postgres.run("psql", "-q", "-c", "drop database rookery with (force)", "-c", "create database rookery", admin);
    postgres.run("pg_restore", "--exit-on-error", `--dbname=${postgres.url}`, dump);
  }
});

const positionOf = (frame: Frame | undefined) => ({ epoch: Number(frame?.epoch), seq: Number(frame?.seq) });
const ids = (frames: readonly Frame[]): unknown[] => frames.map(({ id }) => id);
