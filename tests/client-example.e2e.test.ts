import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { eventually, startCluster } from "@rookery/testkit";
import { describe, expect, it, onTestFinished } from "vitest";

// The README's example, as a newcomer would use it: a process of its own that reads what to say from its input.
const DRIVER = `
  import { createInterface } from "node:readline";
  import { openChannel } from "./examples/client.mjs";
  const [urls, token] = JSON.parse(process.argv[1]);
  const say = (line) => console.log(JSON.stringify(line));
  const channel = openChannel({
    urls, channel: "example", getToken: () => token,
    onMessage: ({ body, seq }) => say({ body, seq }), onState: (state) => say({ state }),
  });
  createInterface({ input: process.stdin }).on("line", (body) => void channel.send(body).then(({ seq }) => say({ ok: seq })));
`;

interface Line {
  readonly body?: string;
  readonly seq?: number;
  readonly state?: string;
  readonly ok?: number;
}

function startExample(urls: readonly string[], token: string) {
  const child = spawn(process.execPath, ["--input-type=module", "-e", DRIVER, JSON.stringify([urls, token])]);
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines: Line[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(JSON.parse(line)));
  return {
    lines,
    say: (body: string) => child.stdin.write(`${body}\n`),
    bodies: () => lines.flatMap(({ body }) => body ?? []),
    live: () => lines.filter(({ state }) => state === "live").length,
  };
}

describe("the client example of the README", () => {
  it("misses nothing and says nothing twice when its edge is killed under it", async () => {
    const cluster = await startCluster({ edges: 2 });
    const [first = "", second = ""] = cluster.ready.ws;
    const alice = startExample([first, second], cluster.token("alice"));
    const bob = startExample([second], cluster.token("bob"));
    await eventually(() => alice.live() === 1 && bob.live() === 1);
    for (let n = 0; n < 10; n += 1) alice.say(`before ${n}`);
    await eventually(() => bob.bodies().length === 10);

    cluster.kill("edge-1");
    alice.say("into the void");
    bob.say("while alice is away");
    await eventually(() => alice.live() === 2, { withinMs: 20_000, what: "alice live again on the other edge" });
    await eventually(() => alice.bodies().length === 12 && bob.bodies().length === 12);

    expect(alice.bodies()).toEqual(bob.bodies());
    expect(alice.lines.flatMap(({ body, seq }) => (body === undefined ? [] : seq))).toEqual(
      Array.from({ length: 12 }, (_, n) => n + 1),
    );
    expect(alice.lines.filter(({ ok }) => ok !== undefined)).toHaveLength(11);
  });
});
