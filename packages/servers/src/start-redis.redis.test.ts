// Contract of startRedis against a real redis-server, spoken to in plain RESP.
import { mkdtemp, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startRedis } from "./start-redis.ts";
import type { RunningServer, StartRedisOptions } from "./start-redis.ts";
import { describeStarter } from "./starter.suite.ts";

const started = async (options: StartRedisOptions): Promise<RunningServer> => {
  const server = await startRedis(options);
  onTestFinished(server.stop);
  return server;
};

/** Sends inline commands and returns all that Redis answered. */
const ask = (port: number, ...commands: string[]): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = "";
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write([...commands, "QUIT", ""].join("\r\n")));
    socket.setEncoding("utf8").on("data", (part) => {
      text += String(part);
    });
    socket.once("error", reject).once("close", () => resolve(text));
  });

describeStarter({ name: "startRedis", start: startRedis });

describe("startRedis", () => {
  it("answers on loopback only, with the settings the project relies on", async () => {
    const { port, url } = await started({});
    expect(url).toBe(`redis://127.0.0.1:${port}`);
    const answer = await ask(
      port,
      "CONFIG GET bind",
      "CONFIG GET maxmemory-policy",
      "CONFIG GET appendonly",
      "CONFIG GET client-output-buffer-limit",
      "CONFIG GET save",
    );
    expect(answer).toContain("\r\n127.0.0.1\r\n");
    expect(answer).toContain("\r\nnoeviction\r\n");
    expect(answer).toMatch(/appendonly\r\n\$3\r\nyes/);
    expect(answer).toContain("pubsub 134217728 67108864 30");
    expect(answer).toMatch(/save\r\n\$0\r\n\r\n/);
  });

  it("lets the caller override lines of its configuration", async () => {
    const { port } = await started({ args: { appendonly: "no", maxmemory: "64mb" } });
    expect(await ask(port, "CONFIG GET appendonly", "CONFIG GET maxmemory")).toMatch(/\$2\r\nno\r\n[^]*67108864/);
  });

  it("puts a password into its URL", async () => {
    const { port, url } = await started({ args: { requirepass: "hush" } });
    expect(url).toBe(`redis://:hush@127.0.0.1:${port}`);
    expect(await ask(port, "PING")).toContain("-NOAUTH");
    expect(await ask(port, "AUTH hush", "PING")).toContain("+PONG");
  });

  it("takes free ports for several servers at once", async () => {
    const servers = await Promise.all([started({}), started({ port: 0 }), started({})]);
    expect(new Set(servers.map(({ port }) => port)).size).toBe(3);
  });

  it("runs as a cluster node, whose bus needs a second port", async () => {
    const { port } = await started({ args: { "cluster-enabled": "yes" } });
    expect(await ask(port, "INFO cluster")).toContain("cluster_enabled:1");
  });

  it("keeps its data for the next start on the same folder, and its port when one is given", async () => {
    const base = await mkdtemp(join(tmpdir(), "rookery-redis-test-"));
    onTestFinished(() => rm(base, { recursive: true, force: true }));
    const dir = join(base, "deep", "data");
    const first = await started({ dir });
    await ask(first.port, "SET kept yes");
    await first.stop();
    const second = await started({ dir, port: first.port });
    expect(second.port).toBe(first.port);
    expect(await ask(second.port, "GET kept")).toContain("yes");
  });

  it("says what the server said when it cannot start", async () => {
    await expect(startRedis({ args: { appendonly: "perhaps" } })).rejects.toThrow(/ended at start: .*appendonly/);
    const { port } = await started({});
    await expect(startRedis({ port })).rejects.toThrow(new RegExp(`port ${port} is taken`));
  });

  it("refuses a folder on which another server runs", async () => {
    const { dir, pid } = await started({});
    await expect(startRedis({ dir })).rejects.toThrow(new RegExp(`process ${pid}\\) already runs`));
  }, 20_000);
});
