// PROTOCOL.md against a running cluster: its transcript is one of a real run, and a client that knows nothing else gets along.
// `npm run transcript` writes the run of today into the document.
import { readFileSync, writeFileSync } from "node:fs";
import { eventually, startCluster } from "@rookery/testkit";
import type { Cluster } from "@rookery/testkit";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { openBookClient } from "./by-the-book.ts";
import type { BookClient, Seen } from "./by-the-book.ts";
import { masked, playTranscript } from "./transcript.ts";

const FILE = "packages/protocol/PROTOCOL.md";
const BLOCK = /<!-- transcript -->\n\n```\n([\s\S]*?)```\n/;

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startCluster({ edges: 2, set: { ROOKERY_PRESENCE_GRACE_MS: "60000" } });
});

// First, since the transcript ends with a node that is stopped.
describe("a client that knows the document alone", () => {
  const CHANNEL = "book";
  const open = (user: string, ...edges: readonly number[]): BookClient => {
    const urls = edges.map((edge) => cluster.ready.ws[edge] ?? "");
    const client = openBookClient(urls, CHANNEL, () => cluster.token(user));
    onTestFinished(client.close);
    return client;
  };
  const plain = (client: BookClient): object[] =>
    [...client.seen].map(([id, seen]) => ({ id, ...seen, reactions: countsOf(seen) }));

  it("misses nothing, says nothing twice and sees what everybody sees, over lost connections and on every node", async () => {
    const [ann, bob] = [open("ann", 0, 1), open("bob", 1)];
    const sent: string[] = [];
    const talk = async (client: BookClient, name: string, total: number): Promise<void> => {
      for (let n = 0; n < total; n += 1) {
        const ok = await client.ask({ type: "send", clientId: `${name}-${n}`, body: `${name} says ${n}` });
        sent.push(String(ok["id"]));
      }
    };
    const lose = async (times: number): Promise<void> => {
      for (let n = 1; n <= times; n += 1) {
        await eventually(() => ann.entries() >= n && sent.length >= n * 10, { withinMs: 30_000 });
        ann.cut();
      }
    };
    await Promise.all([talk(ann, "ann", 30), talk(bob, "bob", 30), lose(3)]);
    const [first = "", second = "", third = ""] = [...ann.seen].flatMap(([id, { user }]) => (user === "ann" ? id : []));
    await ann.ask({ type: "edit", id: first, body: "ann said something else" });
    const reply = await bob.ask({ type: "send", clientId: "reply", body: "really?", replyTo: second });
    sent.push(String(reply["id"]));
    const reacted = bob.ask({ type: "react", id: second, emoji: "👍", on: true });
    bob.cut();
    await reacted;
    await ann.ask({ type: "react", id: second, emoji: "👍", on: true });
    await ann.ask({ type: "delete", id: third });
    await expect(bob.ask({ type: "edit", id: first, body: "not his" })).rejects.toThrow("forbidden");

    await eventually(() => expect(plain(ann)).toEqual(plain(bob)), { withinMs: 10_000 });
    expect([...ann.seen.keys()].toSorted()).toEqual(sent.toSorted());
    const late = open("late", 0);
    await eventually(() => expect(plain(late)).toEqual(plain(ann)), { withinMs: 10_000 });
    expect(ann.seen.get(first)).toMatchObject({ body: "ann said something else", edited: true });
    expect(countsOf(ann.seen.get(second))).toEqual({ "👍": 2 });
    expect(ann.seen.get(third)).toMatchObject({ deleted: true, body: undefined });
    expect(ann.entries()).toBeGreaterThanOrEqual(4);

    const { messages } = await late.ask({ type: "history", limit: 100 });
    const folded = Array.isArray(messages) ? messages : [];
    const asFolded = ([id, seen]: [string, Seen]) => [id, seen.body, seen.deleted, seen.edited, countsOf(seen)];
    expect(folded.map(asRead), "read back it is what the frames made of it").toEqual([...late.seen].map(asFolded));
  });
});

function countsOf(seen: Seen | undefined): Record<string, number> {
  const counts = [...(seen?.reactions ?? [])].map(([emoji, by]): [string, number] => [emoji, by.size]);
  return Object.fromEntries(counts.filter(([, count]) => count > 0));
}

/** A message of a page that was read back, in the same terms. */
function asRead(frame: unknown): unknown[] {
  const { id, body, deleted = false, editedAt, reactions = [] } = Object(frame);
  const counts = reactions.map(({ emoji, count }: { emoji: string; count: number }) => [emoji, count]);
  return [id, body, deleted, editedAt !== undefined, Object.fromEntries(counts)];
}

describe("the transcript of the document", () => {
  it("is what is said and heard today, frame for frame, but for ids and times", async () => {
    const lines = await playTranscript(cluster);
    const document = readFileSync(FILE, "utf8");
    if (process.env["TRANSCRIPT"] === "write")
      writeFileSync(
        FILE,
        document.replace(BLOCK, () => `<!-- transcript -->\n\n\`\`\`\n${lines.join("\n")}\n\`\`\`\n`),
      );
    const told = BLOCK.exec(readFileSync(FILE, "utf8"))?.[1]?.trimEnd().split("\n") ?? [];
    expect(masked(lines)).toEqual(masked(told));
  });
});
