import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { eventually, startCluster } from "@rookery/testkit";
import { describe, expect, it, onTestFinished } from "vitest";

// The README's client in a dozen lines and its request from a backend, word for word, against a cluster.
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
