// Read positions on three nodes and one real Redis, against a model of what each user may rely on: random moves that are doubled,
// late or lose their reply, lookups, two persisters that overlap, Postgres away, and positions that Redis has let go of.
import { ChatError, comparePositions, ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { startProxy, testRedis } from "@rookery/testkit";
import * as fc from "fast-check";
import { afterAll, expect, inject, it } from "vitest";
import { connected, keys, newChannel, partitions } from "./publishing.suite.ts";
import { whenReady } from "./connect.ts";
import { createReads } from "./reads.ts";
import type { ReadMove, Reads } from "./reads.ts";
import { createTakings } from "./takings.ts";
import type { Taking, TakenRead } from "./takings.ts";

const server = await testRedis();
const proxies = await Promise.all([0, 1, 2].map(() => startProxy({ target: server.url })));
afterAll(async () => {
  await Promise.all(proxies.map((proxy) => proxy.close()));
});
const connections = await Promise.all(proxies.map((proxy) => connected(proxy.url(), 500)));
const nodes = connections.map((connection) => createReads({ connection, lookups: connection, keys }));
const takings = createTakings({ connection: await connected(server.url), keys });
const everywhere = Array.from({ length: partitions.count }, (_, n) => n);

const HEAD = 20;
const USERS = ["ann", "bob"] as const;
const at = (seq: number): Position => ({ epoch: 7, seq });

/** Postgres: the latest wins, and it may be away. */
function createPostgres() {
  const rows = new Map<string, Position>();
  const postgres = { isAway: false };
  return {
    postgres,
    find(user: string): Position | undefined {
      if (postgres.isAway) throw new ChatError("unavailable", "away");
      return rows.get(user) ?? ORIGIN;
    },
    save(items: readonly TakenRead[]): void {
      if (postgres.isAway) throw new ChatError("unavailable", "away");
      for (const { user, position } of items) {
        if (comparePositions(position, rows.get(user) ?? ORIGIN) > 0) rows.set(user, position);
      }
    },
  };
}

interface Scene extends ReturnType<typeof createPostgres> {
  readonly channel: string;
  /** Acknowledged: no answer may ever be below it. */
  readonly least: Map<string, number>;
  /** Asked for: no answer may ever be beyond it. */
  readonly most: Map<string, number>;
  readonly given: Taking<TakenRead>[];
  readonly problems: string[];
}

const leastOf = (scene: Scene, user: string): number => scene.least.get(user) ?? 0;

/** `least`: what was acknowledged before this was asked. */
function saw(scene: Scene, user: string, { seq }: Position, what: string, least = leastOf(scene, user)): void {
  const most = scene.most.get(user) ?? 0;
  if (seq < least || seq > most) scene.problems.push(`${what}: ${user} stands at ${seq}, not in ${least} to ${most}`);
  scene.least.set(user, Math.max(leastOf(scene, user), seq));
}

async function move(scene: Scene, reads: Reads, user: string, seq: number): Promise<void> {
  const draft = { channel: scene.channel, user, position: at(seq), followed: at(HEAD), connections: 1, session: "s" };
  const least = leastOf(scene, user);
  if (seq <= HEAD) scene.most.set(user, Math.max(scene.most.get(user) ?? 0, seq));
  try {
    let moved: ReadMove = await reads.move(draft);
    if (moved.kind === "unfamiliar") moved = await reads.move({ ...draft, known: scene.find(user) });
    if (moved.kind === "unfamiliar") scene.problems.push("unfamiliar with what it was told");
    else saw(scene, user, moved.read, moved.kind, least);
    if (seq > HEAD) scene.problems.push(`moved beyond the head, to ${seq}`);
  } catch (error) {
    const allowed = seq > HEAD ? ["invalid", "unavailable", "unknown"] : ["unavailable", "unknown"];
    if (!(error instanceof ChatError && allowed.includes(error.code))) scene.problems.push(String(error));
  }
}

async function look(scene: Scene, reads: Reads, user: string): Promise<void> {
  try {
    const { read } = await reads.find(scene.channel, user);
    const known = read ?? scene.find(user) ?? ORIGIN;
    if (read === undefined) await reads.note(scene.channel, new Map([[user, known]]));
    saw(scene, user, known, "found");
  } catch (error) {
    if (!(error instanceof ChatError && error.code === "unavailable")) scene.problems.push(String(error));
  }
}

async function commit(scene: Scene, taking: Taking<TakenRead>): Promise<void> {
  try {
    scene.save(taking.items);
    await taking.forget();
  } catch (error) {
    if (!(error instanceof ChatError)) throw error;
  }
}

type Step = (scene: Scene) => Promise<unknown>;

const node = fc.nat(2).map((n) => ({ reads: nodes[n] ?? nodes[0], proxy: proxies[n], connection: connections[n] }));
const user = fc.constantFrom(...USERS);
const seq = fc.integer({ min: 0, max: HEAD + 1 });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(node, user, seq).map(
      ([{ reads }, who, to]) =>
        (scene: Scene) =>
          act(reads, (r) => move(scene, r, who, to)),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(node, node, user, seq, seq).map(
      ([one, other, who, to, late]) =>
        (scene: Scene) =>
          Promise.all([
            act(one.reads, (r) => move(scene, r, who, to)),
            act(other.reads, (r) => move(scene, r, who, late)),
          ]),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(node, user, seq).map(([{ reads, proxy, connection }, who, to]) => async (scene: Scene) => {
      const lost = proxy?.loseNextReply();
      await act(reads, (r) => move(scene, r, who, to));
      await lost;
      if (connection !== undefined) await whenReady(connection, 5_000);
    }),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(node, user).map(
      ([{ reads }, who]) =>
        (scene: Scene) =>
          act(reads, (r) => look(scene, r, who)),
    ),
  },
  { weight: 2, arbitrary: fc.constant(async (scene: Scene) => scene.given.push(await takings.reads(everywhere, 10))) },
  {
    weight: 3,
    arbitrary: fc.nat(3).map((n) => async (scene: Scene) => {
      const taking = scene.given[n % Math.max(1, scene.given.length)];
      if (taking !== undefined) await commit(scene, taking);
    }),
  },
  { weight: 1, arbitrary: fc.boolean().map((isAway) => async (scene: Scene) => void (scene.postgres.isAway = isAway)) },
  // A day has passed: what Postgres was not given stands all the same.
  { weight: 1, arbitrary: fc.constant((scene: Scene) => server.redis.del(keys.channel(scene.channel).read)) },
);

async function act(reads: Reads | undefined, work: (reads: Reads) => Promise<void>): Promise<void> {
  if (reads !== undefined) await work(reads);
}

it("never go back, never go where nobody has read, and end the same on every node and in Postgres", async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40, size: "max" }), async (steps) => {
    const channel = newChannel();
    const maps = { least: new Map<string, number>(), most: new Map<string, number>() };
    const scene: Scene = { ...createPostgres(), ...maps, channel, given: [], problems: [] };
    for (const each of steps) await each(scene);
    scene.postgres.isAway = false;
    await commit(scene, await takings.reads(everywhere, 1_000));
    for (const who of USERS) {
      for (const reads of nodes) await look(scene, reads, who);
      saw(scene, who, scene.find(who) ?? ORIGIN, "stored");
    }
    expect(scene.problems).toEqual([]);
    expect((await takings.reads(everywhere, 1_000)).items).toEqual([]);
  });
  // A lost reply costs a reconnection, so the number of cases is bounded by time as well.
  const times = inject("fuzzTimes");
  await fc.assert(property, { numRuns: 25 * times, interruptAfterTimeLimit: 6_000 * times, endOnFailure: true });
});
