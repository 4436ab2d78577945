// The contract of the broker as a whole, held to whatever a URL leads to: publishing, history, outbox, topics, changes, presence,
// rights, registry. Run by broker-topologies.faults.test.ts on each topology.
import { ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { eventually } from "@rookery/testkit";
import type { TestTopology, TopologyServer } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { createActivity, readActivity } from "./activity.ts";
import { createAnnouncer } from "./announcer.ts";
import { createConfirmations } from "./confirmations.ts";
import { connectRedis, whenReady } from "./connect.ts";
import type { ConnectionUse, RedisConnection } from "./connect.ts";
import { BANNED, changeOf, MEMBER, recordOf } from "./control.fixture.ts";
import { createAccessStore } from "./create-access.ts";
import { createChanges } from "./create-changes.ts";
import { createControlLog } from "./create-control-log.ts";
import { BEFORE_FIRST_ENTRY } from "./entry-id.ts";
import { checkServer, claimPartitionCount } from "./fitness.ts";
import { createEpochFloors } from "./floors.ts";
import { createHistory } from "./history.ts";
import { createKeys } from "./keys.ts";
import { createOutbox } from "./outbox.ts";
import type { Outbox } from "./outbox.ts";
import { createPartitions } from "./partitions.ts";
import { createPast } from "./past.fixture.ts";
import { nodeOn } from "./presence-kit.suite.ts";
import { freshRights, publication, publisherOn, readMessages } from "./publishing.suite.ts";
import type { Publisher } from "./publisher.ts";
import { createPulse } from "./pulse.ts";
import { createReceipts } from "./receipts.ts";
import { createRegistry } from "./registry.ts";
import { createStatistics } from "./statistics.ts";
import { createTickets } from "./tickets.ts";
import { createTopics } from "./topics.ts";
import { createTries } from "./tries.ts";

export interface BrokerUnderTest {
  readonly topology: TestTopology;
  /** Asked for once the tests run. */
  readonly address: () => { readonly url: string; readonly ca?: string };
}

const partitions = createPartitions(8);
const keys = createKeys(partitions);
const channels = Array.from({ length: 40 }, (_, n) => `room-${n}`);
const allPartitions = Array.from({ length: partitions.count }, (_, partition) => partition);
const EDGE = { kind: "edge", pid: 1, version: "0", startedAt: 1, connections: 0, draining: false, beatAt: 1 } as const;

/** One file may run it several times: each has servers of its own. */
export function itIsABroker({ topology, address }: BrokerUnderTest): void {
  let connection: RedisConnection;
  let publisher: Publisher;
  let outbox: Outbox;
  const opened: RedisConnection[] = [];

  const open = (use: ConnectionUse): RedisConnection => {
    const made = connectRedis({ ...address(), use, commandTimeoutMs: 2_000 });
    opened.push(made);
    return made;
  };
  const ready = async (use: ConnectionUse): Promise<RedisConnection> => {
    const made = open(use);
    await whenReady(made, 10_000);
    return made;
  };
  const masters = async (): Promise<TopologyServer[]> => [
    ...new Set(await Promise.all(allPartitions.map((each) => topology.masterOf(keys.partition(each).part)))),
  ];

  beforeAll(async () => {
    connection = await ready("commands");
    publisher = publisherOn(connection, { keys, partitions });
    outbox = createOutbox({ connection, reader: await ready("outbox"), keys, logEntries: 1_000 });
  });
  afterAll(() => opened.forEach((each) => each.disconnect()));

  it("every master is checked, and one number of partitions holds for the whole", async () => {
    expect((await checkServer(connection)).warnings).toHaveLength((await masters()).length);
    await claimPartitionCount(connection, keys, 8);
    await expect(claimPartitionCount(connection, keys, 9)).rejects.toThrow(/8 partitions/);
  });

  it("channels of every master are published to, read, drained and saved at once", async () => {
    const outcomes = await Promise.all(channels.map((channel) => publisher.publish(publication(channel))));
    expect(outcomes.every(({ position }) => position.seq === 1)).toBe(true);
    const history = createHistory({ connection, keys, cold: createPast(), statements: 4 });
    const pages = await Promise.all(channels.map((channel) => history.forward(channel, ORIGIN, 10, 10_000)));
    expect(pages.every((page) => page.recovered && page.frames.length === 1)).toBe(true);

    const entries = await readMessages(
      outbox,
      new Map(allPartitions.map((partition) => [partition, BEFORE_FIRST_ENTRY])),
      100,
      1_000,
    );
    expect(new Set(entries.map(({ channel }) => channel))).toEqual(new Set(channels));
    for (const partition of allPartitions) {
      const own = entries.filter((entry) => entry.partition === partition);
      const last = own.at(-1);
      if (last === undefined) continue;
      const saved = new Map<string, Position>(own.map(({ channel, position }) => [channel, position]));
      await outbox.save(partition, {
        last: last.id,
        cumulativeBytes: last.cumulativeBytes,
        channels: saved,
        unstored: false,
      });
    }
    expect(await outbox.waiting()).toMatchObject({ entries: 0, bytes: 0 });
    const heads = await Promise.all(channels.map((channel) => history.head(channel)));
    expect(heads.every((head) => head.saved.seq === 1 && head.position.seq === 1)).toBe(true);
  });

  it("an outbox that has nothing is asked again until something is there", async () => {
    const waiting = readMessages(
      outbox,
      new Map(allPartitions.map((partition) => [partition, BEFORE_FIRST_ENTRY])),
      100,
      2_000,
    );
    await publisher.publish(publication(channels[0] ?? ""));
    expect(await waiting).toHaveLength(1);
  });

  it("that all masters lose their scripts is not noticed", async () => {
    for (const master of await masters()) await topology.clientOf(master).script("FLUSH");
    const outcomes = await Promise.all(channels.map((channel) => publisher.publish(publication(channel))));
    expect(outcomes.every((outcome) => "position" in outcome)).toBe(true);
  });

  it("edits, deletions and reactions have positions of their own in the channel of their message, and stand once", async () => {
    const changes = createChanges({
      ...{ connection, keys, floors: createEpochFloors(), outboxMaxBytes: 64 * 2 ** 20, deadlineMs: 5_000 },
      lastSaved: async () => ORIGIN,
      findStored: async () => undefined,
    });
    for (const n of allPartitions) {
      const channel = `changed-${n}`;
      const { id } = await publisher.publish(publication(channel));
      const draft = { channel, id, user: "ann", rightsVersion: 0, freshRights };
      const reacted = [await changes.react({ ...draft, emoji: "+1", on: true })];
      reacted.push(await changes.react({ ...draft, emoji: "+1", on: true }));
      const edited = await changes.edit({ ...draft, body: "better" });
      const deleted = await changes.delete({ ...draft, moderates: false });
      expect(reacted.map(({ position, isNew }) => [position.seq, isNew])).toEqual([
        [2, true],
        [2, false],
      ]);
      expect([edited.position.seq, deleted.position.seq]).toEqual([3, 4]);
    }
  });

  it("topics of every master are acknowledged and probed, and all of them again after subscribers were cut off", async () => {
    const probes = new Set<number>();
    const heard: string[] = [];
    const events: string[] = [];
    const topics = createTopics({
      connect: () => open("subscriptions"),
      ...{ keys, partitions, node: () => "me" },
      listener: {
        envelope: (channel) => void heard.push(channel),
        corrected: () => undefined,
        fleeting: () => undefined,
        control: () => undefined,
        saved: () => undefined,
        probe: (partition) => void probes.add(partition),
        lost: () => void events.push("lost"),
        restored: () => void events.push("restored"),
      },
    });
    onTestFinished(() => topics.close());
    await topics.start();
    await Promise.all(channels.map((channel) => topics.subscribe(channel)));
    const pulse = createPulse({
      ...{ connection, keys, partitions, node: () => "me", everyMs: 60 },
      watched: () => allPartitions,
      channels: () => [],
      on: { report: () => undefined, missed: () => undefined, failed: () => undefined },
    });
    onTestFinished(() => pulse.stop());
    pulse.start();
    await eventually(() => probes.size === partitions.count);
    const everyChannel = channels.toSorted();
    const publishAll = (): Promise<unknown> =>
      Promise.all(channels.map((each) => publisher.publish(publication(each))));
    await publishAll();
    await eventually(() => expect(heard.toSorted()).toEqual(everyChannel));
    for (const master of await masters()) await topology.clientOf(master).call("CLIENT", "KILL", "TYPE", "pubsub");
    await eventually(() => events[0] === "lost" && events.at(-1) === "restored");
    heard.length = 0;
    await publishAll();
    await eventually(() => expect(heard.toSorted()).toEqual(everyChannel));
  });

  it("the registry lists nodes whose leases lie on any master", async () => {
    const registry = createRegistry({ connection, keys, leaseMs: 6_000 });
    const names = ["n1", "n2", "n3", "n4", "n5", "n6"];
    await Promise.all(names.map((node) => registry.beat({ node, ...EDGE })));
    expect((await registry.list()).map(({ node }) => node)).toEqual(names);
    await registry.leave("n3");
    expect(await registry.list()).toHaveLength(5);
  });

  it("changes of rights are announced, kept, remembered and confirmed on every master", async () => {
    const announcer = createAnnouncer({
      ...{ connection, keys, floors: createEpochFloors() },
      readFloors: () => Promise.resolve(),
    });
    const access = createAccessStore({ connection, keys });
    const log = createControlLog({ connection, keys });
    const registry = createRegistry({ connection, keys, leaseMs: 6_000 });
    for (const { node } of await registry.list()) await registry.leave(node);
    await registry.beat({ node: "e1", ...EDGE });
    const some = Array.from({ length: 12 }, (_, n) => `ruled-${n}`);
    const wishes = some.map((channel) => ({ channel, users: ["ann"] }));
    expect(new Set(await access.read(wishes))).toEqual(new Set([undefined]));
    const entries = new Map([["ann", MEMBER]]);
    await Promise.all(some.map((channel) => access.fill(channel, { record: recordOf(1), isWhole: true, entries })));
    for (const channel of some) {
      const partition = partitions.of(channel);
      const number = await announcer.announce(partition, changeOf(channel, 2, { ann: BANNED }), '{"kind":"ban"}');
      expect((await log.since(partition, { ...number, number: number.number - 1 }))?.length).toBe(1);
      await createConfirmations({ connection, keys }).confirm(partition, number, "e1", 1);
      const receipt = await createReceipts({ connection, keys }).gather(partition, number, performance.now());
      expect(receipt).toMatchObject({ nodes: { confirmed: 1, expected: 1, missing: [] }, sessionsClosed: 1 });
    }
    const known = await access.read(wishes);
    expect(known.map((each) => [each?.record.version, each?.entries.get("ann")?.ban?.reason])).toEqual(
      some.map(() => [2, "spam"]),
    );
    await registry.leave("e1");
  });

  it("tickets and tries hold whichever master has them, and a try that one scope refuses counts against none", async () => {
    const tickets = createTickets({ connection, keys });
    const ids = await Promise.all(Array.from({ length: 8 }, (_, n) => tickets.put(`value ${n}`, 30_000)));
    expect(await Promise.all(ids.map((id) => tickets.take(id)))).toEqual(ids.map((_, n) => `value ${n}`));
    const tries = createTries({ connection, keys });
    const scopes = Array.from({ length: 8 }, (_, n) => `u|user-${n}`);
    expect(await tries.take([...scopes, "a|address"], 1, 60_000)).toBe(0);
    expect(await tries.take(["u|fresh", "a|address"], 1, 60_000)).toBeGreaterThan(0);
    expect(await tries.take(["u|fresh"], 1, 60_000)).toBe(0);
  });

  it("who is connected, which channels are busiest and what was said is told of all masters together", async () => {
    const one = nodeOn(connection, "one", {}, keys);
    for (const channel of channels) await one.enter(channel, "ann");
    await one.enter(channels[7] ?? "", "bob");
    const users = channels.map((channel) => `user-of-${channel}`);
    for (const user of users) one.begin(user, `session-of-${user}`);
    await eventually(() => one.presence.waiting() === 0);
    const statistics = createStatistics({ connection, keys, leaseMs: 6_000 });
    const busiest = await statistics.busiest(50);
    expect(busiest[0]).toEqual({ channel: channels[7], online: 2, connections: 2 });
    expect(busiest.map(({ channel }) => channel).toSorted()).toEqual(channels.toSorted());
    expect((await statistics.connected(undefined, 50)).map(({ user }) => user).toSorted()).toEqual(users.toSorted());
    const activity = createActivity({ connection, keys });
    for (const channel of channels) activity.numbered(channel, "ann", Date.now());
    await activity.close();
    const said = await Promise.all(channels.map((channel) => readActivity({ connection, keys }, channel)));
    expect(said.map(({ messages }) => messages["1m"])).toEqual(channels.map(() => 1));
  });
}
