import { eventually, startCluster } from "@rookery/testkit";
import type { ChatClient, Cluster } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestContext } from "vitest";

const LEASE_MS = 2000;
const GRACE_MS = 500;
const DRAIN_MS = 600;
/** What is promised of the users of a dead node. */
const GONE_WITHIN_MS = 10_000;
/** Long enough for a lease to end and its node to be reaped. */
const FROZEN_MS = 4 * LEASE_MS;
const CROWD = 5;

/** One for those who watch, and one for each fault: they happen at the same time, as far as nobody minds. */
const EDGE = { watching: 0, killed: 1, frozen: 2, drained: 3 } as const;

let cluster: Cluster;

beforeAll(async () => {
  const set = {
    ROOKERY_LEASE_MS: String(LEASE_MS),
    ROOKERY_PRESENCE_GRACE_MS: String(GRACE_MS),
    ROOKERY_DRAIN_MS: String(DRAIN_MS),
  };
  cluster = await startCluster({ edges: 4, set, restart: true });
});
afterAll(() => cluster?.stop());

type Finished = TestContext["onTestFinished"];

async function connect(atEnd: Finished, user: string, edge: number, reconnects = false): Promise<ChatClient> {
  const urls = [...cluster.ready.ws.slice(edge), ...cluster.ready.ws.slice(0, edge)];
  const client = await cluster.client(user, { edge, ...(reconnects ? { reconnecting: { urls } } : {}) });
  atEnd(() => client.close());
  return client;
}

async function crowdOn(atEnd: Finished, edge: number, channel: string, reconnects = false): Promise<ChatClient[]> {
  const users = Array.from({ length: CROWD }, (_, n) => `crowd-${edge}-${n}`);
  const clients = await Promise.all(users.map((user) => connect(atEnd, user, edge, reconnects)));
  await Promise.all(clients.map((client) => client.join(channel)));
  return clients;
}

/** Of one user, what came and went as this client was told. */
function comings(client: ChatClient, channel: string): Map<string, string[]> {
  const told = new Map<string, string[]>();
  for (const { type, user = "", channel: where } of client.frames) {
    if (where !== channel || (type !== "joined" && type !== "left")) continue;
    told.set(user, [...(told.get(user) ?? []), type]);
  }
  return told;
}

async function onlineIn(client: ChatClient, channel: string): Promise<unknown> {
  return (await client.request({ type: "members", channel })).online;
}

const users = (clients: readonly ChatClient[]): string[] => clients.map(({ user }) => user);

describe.concurrent("an edge", () => {
  it("that is killed leaves nobody behind: each is told once to everybody, and who types there has stopped", async ({
    onTestFinished: atEnd,
  }) => {
    const channel = "killed";
    const first = await connect(atEnd, "ann", EDGE.watching);
    const survivors = [first, await connect(atEnd, "bob", EDGE.watching)];
    for (const each of survivors) await each.join(channel);
    const crowd = await crowdOn(atEnd, EDGE.killed, channel);
    await eventually(async () => expect(await onlineIn(first, channel)).toBe(CROWD + 2));
    await crowd[0]?.request({ type: "typing", channel, on: true });
    for (const each of survivors) await each.waitFor(({ type, on }) => type === "typing" && on === true);

    cluster.kill("edge-2");
    const expected = new Map(users(crowd).map((user) => [user, ["joined", "left"]]));
    for (const each of survivors) {
      await eventually(
        () => {
          const told = comings(each, channel);
          for (const [user, events] of expected) expect(told.get(user)).toEqual(events);
        },
        { withinMs: GONE_WITHIN_MS, everyMs: 50 },
      );
      await each.waitFor(({ type, on }) => type === "typing" && on === false, { withinMs: GONE_WITHIN_MS });
    }
    expect(await onlineIn(first, channel)).toBe(2);
    await cluster.restarted("edge-2");
    for (const each of survivors) {
      const told = comings(each, channel);
      for (const [user, events] of expected) expect(told.get(user)).toEqual(events);
    }
  });

  it("that was frozen comes back under another id: its users left and joined again, and are counted once", async ({
    onTestFinished: atEnd,
  }) => {
    const channel = "frozen";
    const observer = await connect(atEnd, "ann", EDGE.watching);
    await observer.join(channel);
    const crowd = await crowdOn(atEnd, EDGE.frozen, channel);
    await eventually(async () => expect(await onlineIn(observer, channel)).toBe(CROWD + 1));
    const former = crowd[0]?.welcome()["node"];

    cluster.kill("edge-3", "SIGSTOP");
    const thaw = setTimeout(() => cluster.kill("edge-3", "SIGCONT"), FROZEN_MS);
    atEnd(() => clearTimeout(thaw));
    const seen = (events: readonly string[]): void => {
      const told = comings(observer, channel);
      for (const user of users(crowd)) expect(told.get(user)).toEqual(events);
    };
    await eventually(() => seen(["joined", "left"]), { withinMs: GONE_WITHIN_MS });
    expect(await onlineIn(observer, channel)).toBe(1);
    await eventually(() => seen(["joined", "left", "joined"]), { withinMs: FROZEN_MS + GONE_WITHIN_MS });
    expect(await onlineIn(observer, channel)).toBe(CROWD + 1);
    expect((await connect(atEnd, "late", EDGE.frozen)).welcome()["node"]).not.toBe(former);
    const { id } = await observer.send(channel, "welcome back");
    await Promise.all(crowd.map((each) => each.waitFor((frame) => frame.type === "message" && frame.id === id)));
    for (const each of crowd) expect(comings(each, channel).get(each.user)).toBeUndefined();
    const isAll = ({ type, online }: { type: string; online?: unknown }): boolean =>
      type === "presence" && online === CROWD + 1;
    await Promise.all(crowd.map((each) => each.waitFor(isAll)));
    for (const each of crowd) await each.close();
    await eventually(async () => expect(await onlineIn(observer, channel)).toBe(1), { withinMs: GONE_WITHIN_MS });
    seen(["joined", "left", "joined", "left"]);
  });

  it("that is drained is not noticed: who resumes elsewhere never went, and who does not is gone in the end", async ({
    onTestFinished: atEnd,
  }) => {
    const channel = "drained";
    const observer = await connect(atEnd, "ann", EDGE.watching);
    await observer.join(channel);
    const returning = await crowdOn(atEnd, EDGE.drained, channel, true);
    const leaving = await connect(atEnd, "zoe", EDGE.drained);
    await leaving.join(channel);
    await eventually(async () => expect(await onlineIn(observer, channel)).toBe(CROWD + 2));

    cluster.kill("edge-4", "SIGTERM");
    await Promise.all(returning.map((each) => eventually(() => each.session() > 1, { withinMs: GONE_WITHIN_MS })));
    await Promise.all(returning.map((each) => each.ready()));
    await observer.waitFor(({ type, user }) => type === "left" && user === "zoe", { withinMs: 4 * GONE_WITHIN_MS });
    const told = comings(observer, channel);
    for (const user of users(returning)) expect(told.get(user)).toEqual(["joined"]);
    expect(told.get("zoe")).toEqual(["joined", "left"]);
    expect(await onlineIn(observer, channel)).toBe(CROWD + 1);
  });
});
