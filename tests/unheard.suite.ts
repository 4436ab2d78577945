// What must come of a message and of a ban whose announcements are lost on every edge, with nothing after them that would show it.
// Run once a topology, on a cluster that the file has for another suite too.
import { createUnheard, eventually } from "@rookery/testkit";
import type { ChatClient, Cluster, Unheard } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";

const HEALED_WITHIN_MS = 10_000;
const IN_FORCE_WITHIN_MS = 2_000;
const HEALED = 'rookery_edge_relay_events_total{event="hole_healed"}';

export function testUnheard(running: () => Cluster, partitions: number): void {
  const start = async (): Promise<Unheard> => {
    const { redis, postgres } = running().ready;
    const unheard = await createUnheard({ redisUrl: redis, postgresUrl: postgres, partitions });
    onTestFinished(unheard.close);
    return unheard;
  };

  /** One of each user on each edge, all in the channel, in which something was said. */
  const gather = async (channel: string, ...users: readonly string[]): Promise<ChatClient[]> => {
    const clients: ChatClient[] = [];
    for (const user of users) {
      for (const edge of [0, 1]) {
        const client = await running().client(user, { edge, name: `${user}-${edge}` });
        onTestFinished(client.close);
        expect(await client.join(channel)).toMatchObject({ type: "ok" });
        clients.push(client);
      }
    }
    expect(await clients[0]?.send(channel, "the first word")).toMatchObject({ type: "ok" });
    return clients;
  };

  const healed = async (): Promise<number[]> => {
    const told = await Promise.all(["edge-1", "edge-2"].map((name) => running().metrics(name)));
    return told.map((metrics) => metrics.get(HEALED) ?? 0);
  };

  it("the last message of a channel, announced to no edge, is delivered by both within 10 s", async () => {
    const channel = "last-unheard";
    const unheard = await start();
    const clients = await gather(channel, "ann");
    await Promise.all(clients.map((client) => client.waitFor(({ body }) => body === "the first word")));
    const before = await healed();
    const { id, position } = await unheard.send(channel, "ann", "the last word");
    for (const message of clients.map((client) =>
      client.waitFor((frame) => frame.type === "message" && frame.id === id, { withinMs: HEALED_WITHIN_MS }),
    )) {
      expect(await message).toMatchObject({ channel, user: "ann", body: "the last word", ...position });
    }
    // By nothing else than the look for holes.
    const after = await healed();
    expect(after.map((count, edge) => count > (before[edge] ?? 0))).toEqual([true, true]);
    expect(clients.flatMap((client) => client.problems())).toEqual([]);
    await eventually(async () => expect((await running().rows(channel)).map((row) => row.id)).toContain(id));
  });

  it("a ban, announced to no edge, is in force on both within 2 s", async () => {
    const channel = "ban-unheard";
    const unheard = await start();
    // Whoever comes first owns the channel, and an only owner cannot be banned.
    const clients = await gather(channel, "olga", "outcast");
    const outcasts = clients.filter(({ user }) => user === "outcast");
    const [owner] = clients;
    await unheard.ban(channel, "outcast");
    // A send that reaches Redis from then on is refused at once, by the version.
    expect(await outcasts[0]?.send(channel, "let me speak")).toMatchObject({ type: "error" });
    await Promise.all(
      outcasts.map((client) => client.waitFor(({ type }) => type === "removed", { withinMs: IN_FORCE_WITHIN_MS })),
    );
    const { id } = (await owner?.send(channel, "without them")) ?? {};
    await owner?.waitFor((frame) => frame.type === "message" && frame.id === id);
    for (const client of outcasts) {
      expect(client.frames.find(({ type }) => type === "removed")).toMatchObject({ channel, code: "banned" });
      expect(await client.request({ type: "join", channel })).toMatchObject({ type: "error", code: "banned" });
      expect(client.frames.filter((frame) => frame.type === "message" && frame.id === id)).toEqual([]);
    }
  });
}
