import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
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

const readme = readFileSync("README.md", "utf8");

/** A block of the README, with the addresses of a cluster that runs in place of those that `npm start` prints. */
function blockOf(language: string, beginning: string, cluster: Awaited<ReturnType<typeof startCluster>>): string {
  const blocks = [...readme.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  const [, , block = ""] = blocks.find(([, kind, text = ""]) => kind === language && text.startsWith(beginning)) ?? [];
  return block
    .replaceAll("ws://127.0.0.1:7700/ws", cluster.ready.ws[0] ?? "")
    .replaceAll("http://127.0.0.1:7702", cluster.ready.api);
}

describe("the front door", () => {
  it("shows a client that joins, speaks and hears itself and others", async () => {
    const cluster = await startCluster({ edges: 1 });
    const client = blockOf("js", "const answer = await fetch", cluster);
    expect(client.trim().split("\n").length).toBeLessThanOrEqual(16);
    const sockets = 'globalThis.WebSocket ??= (await import("ws")).WebSocket;';
    const child = spawn(process.execPath, ["--input-type=module", "-e", `${sockets}\n${client}`]);
    onTestFinished(() => void child.kill("SIGKILL"));
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
    await eventually(() => lines.some((line) => /^1 guest-\S+: hello$/.test(line)), { what: "its own message" });

    const command = blockOf("sh", "curl ", cluster).replaceAll("\\\n", " ");
    const [, url = ""] = /^curl (\S+)/.exec(command) ?? [];
    const headers = [...command.matchAll(/-H "([^:"]+): ([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]);
    const [, body = ""] = /-d '([^']*)'/.exec(command) ?? [];
    const told = Object.fromEntries(headers);
    expect(told["authorization"]).toBe("Bearer $(npx rookery token create --user alice)");
    const answer = await fetch(url, {
      method: "POST",
      headers: { ...told, authorization: `Bearer ${cluster.token("alice")}` },
      body,
    });
    expect(answer.status).toBe(201);
    await eventually(() => lines.includes("2 alice: hello from a backend"), { what: "the backend's message" });
  });
});
