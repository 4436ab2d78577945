// Two people with this package on two nodes of a real cluster: what they say, change and read reaches the other, and a node that
// dies under one of them costs neither a message.
import { eventually, startCluster } from "@rookery/testkit";
import type { Cluster } from "@rookery/testkit";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import WebSocket from "ws";
import { connect } from "./index.ts";
import type { Channel, Client, Gap, Message } from "./index.ts";

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ edges: 2 });
});

/** On edge number `edge` first, and on the others after it. */
function join(
  user: string,
  edge: number,
  channel: string,
): { client: Client; channel: Channel; heard: (Message | Gap)[] } {
  const { ws } = cluster.ready;
  const urls = [...ws.slice(edge), ...ws.slice(0, edge)];
  const client = connect({ urls, token: () => cluster.token(user), WebSocket });
  onTestFinished(client.close);
  const joined = client.channel(channel);
  const heard: (Message | Gap)[] = [];
  joined.on("event", (item) => {
    if (item.type === "message" || item.type === "gap") heard.push(item);
  });
  return { client, channel: joined, heard };
}

const bodies = ({ channel }: { channel: Channel }): (string | undefined)[] =>
  channel.state().messages.map(({ body }) => body);

describe("two clients on two nodes", () => {
  it("see what the other says, edits, reacts to, deletes, types and has read", async () => {
    // Whoever comes first owns a channel that is made by it.
    const ann = join("ann", 0, "lobby");
    await ann.channel.ready();
    const bob = join("bob", 1, "lobby");
    await bob.channel.ready();
    const sent = ann.channel.send("helo @bob", { meta: { mood: "fine" } });
    const { id, epoch, seq } = await sent;
    expect(await sent.persisted).toEqual({ epoch, seq });
    await eventually(() => bodies(bob).includes("helo @bob"));
    expect(bob.channel.state()).toMatchObject({ unread: 1, mentions: 1, online: 2, role: "member" });
    await ann.channel.edit(id, "hello @bob");
    await bob.channel.react(id, "👍");
    bob.channel.typing();
    await eventually(() => ann.channel.state().typing.length === 1);
    await bob.channel.send("hi", { replyTo: id });
    await eventually(() => ann.channel.state().messages.length === 2 && ann.channel.state().typing.length === 0);
    const [first] = ann.channel.state().messages;
    expect(first).toMatchObject({
      body: "hello @bob",
      replies: 1,
      reactions: [{ emoji: "👍", count: 1, mine: false }],
    });
    await bob.channel.read();
    expect(bob.channel.state()).toMatchObject({ unread: 0, mentions: 0 });
    await ann.channel.delete(id);
    await eventually(() => bob.channel.state().messages[0]?.deleted === true);
    expect(await ann.channel.members()).toMatchObject([{ user: "ann" }, { user: "bob" }]);
    const { messages } = await bob.channel.history({ limit: 1 });
    expect(messages).toMatchObject([{ body: "hi" }]);
  });

  it("lose nothing and say nothing twice when a node is killed while both speak", async () => {
    const ann = join("ann", 0, "killed");
    const bob = join("bob", 1, "killed");
    await Promise.all([ann.channel.ready(), bob.channel.ready()]);
    const said = Array.from({ length: 60 }, (_, n) => [
      ann.channel.send(`ann ${n}`),
      bob.channel.send(`bob ${n}`),
    ]).flat();
    await said[20];
    cluster.kill("edge-1");
    const places = await Promise.all(said);
    await Promise.all(said.map(({ persisted }) => persisted));
    expect(new Set(places.map(({ seq }) => seq)).size).toBe(120);
    for (const who of ["ann", "bob"])
      await eventually(() => (who === "ann" ? ann : bob).heard.length === 120, { what: `all messages at ${who}` });
    const rows = await cluster.rows("killed");
    const stored = rows.map(({ clientId }) => clientId);
    for (const { heard } of [ann, bob]) {
      expect(heard.map((item) => (item.type === "message" ? item.clientId : item))).toEqual(stored);
    }
    expect(ann.channel.state().pending).toEqual([]);
  });
});
