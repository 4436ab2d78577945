// Contract of starting a cluster, with a pretended `rookery` instead of the real one.
import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { startCluster } from "./cluster.ts";
import { parseMetrics, parseReadyLine } from "./ready-line.ts";

const readyLine = {
  ready: true,
  pid: 100,
  ws: ["ws://127.0.0.1:1/ws", "ws://127.0.0.1:2/ws"],
  api: "http://127.0.0.1:3",
  apiKey: "rk_key",
  jwt: { alg: "HS256", secret: "a secret of more than thirty-two bytes", issuer: "rookery", audience: "rookery" },
  redis: "redis://127.0.0.1:4",
  postgres: "postgres://rookery:x@127.0.0.1:5/rookery",
  processes: [
    { name: "edge-1", pid: 101, internal: "http://127.0.0.1:6" },
    { name: "redis", pid: 102 },
  ],
};

/** A program that does what `script` says, with the arguments it was given in `args`. */
const pretend = (script: string): [string, ...string[]] => [
  process.execPath,
  "-e",
  `const args = process.argv.slice(1); const line = ${JSON.stringify(readyLine)}; ${script}`,
  "--",
];

/** Goes before the ready line: a stop may follow that at once, and must find somebody who listens. */
const stayUntilTold = "process.on('SIGTERM', () => process.exit(0)); setInterval(() => {}, 1000);";

describe("startCluster", () => {
  it("hands on what it was asked for and reads the ready line", async () => {
    const cluster = await startCluster({
      edges: 3,
      restart: true,
      set: { ROOKERY_ACK: "safe" },
      redisUrl: "redis://other",
      command: pretend(`${stayUntilTold} line.apiKey = args.join(' '); console.log(JSON.stringify(line));`),
    });
    expect(cluster.ready.apiKey).toBe(
      "dev --json --port 0 --ephemeral --edges 3 --redis-url redis://other --restart --set ROOKERY_ACK=safe",
    );
    expect(cluster.ready.ws).toEqual(readyLine.ws);
    expect(cluster.pid("redis")).toBe(102);
    expect(() => cluster.pid("nobody")).toThrow(/there are edge-1, redis/);
    expect(await cluster.stop()).toEqual({ code: 0, signal: null });
  });

  it("fails with what was written to standard error when it ends before it is ready", async () => {
    const command = pretend("console.error('port 7 is taken'); process.exitCode = 1;");
    await expect(startCluster({ command })).rejects.toThrow(/ended before it was ready\nport 7 is taken/);
  });

  it("tells when a killed process is back, and its new process id", async () => {
    // The pretended edge is a process of its own that lives until it is killed; then another takes its name.
    const script = `
      const { spawn } = require('node:child_process');
      const start = () => spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
      let edge = start();
      line.processes[0].pid = edge.pid;
      console.log(JSON.stringify(line));
      edge.on('exit', () => { edge = start(); console.log(JSON.stringify({ restarted: 'edge-1', pid: edge.pid })); });
      process.on('SIGTERM', () => { edge.removeAllListeners('exit'); edge.kill('SIGKILL'); process.exit(0); });`;
    const cluster = await startCluster({ command: pretend(script) });
    const before = cluster.pid("edge-1");
    cluster.kill("edge-1");
    const after = await cluster.restarted("edge-1");
    expect(after).not.toBe(before);
    expect(cluster.pid("edge-1")).toBe(after);
    expect(await cluster.restarted("edge-1")).toBe(after); // asked late, answered at once
  });

  it("signs tokens by itself", async () => {
    const cluster = await startCluster({ command: pretend(`${stayUntilTold} console.log(JSON.stringify(line));`) });
    const [header = "", payload = "", signature] = cluster.token("ann", { ttlSec: 60, name: "Ann" }).split(".");
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString());
    expect(claims).toMatchObject({ sub: "ann", name: "Ann", iss: "rookery", aud: "rookery" });
    const expected = createHmac("sha256", readyLine.jwt.secret).update(`${header}.${payload}`).digest("base64url");
    expect(signature).toBe(expected);
  });
});

describe("the ready line", () => {
  it("is refused when a field is missing, by the field's name", () => {
    expect(() => parseReadyLine(JSON.stringify({ ...readyLine, apiKey: undefined }))).toThrow(/no apiKey/);
    expect(() => parseReadyLine(JSON.stringify({ ...readyLine, ready: false }))).toThrow(/not a ready line/);
  });
});

describe("metrics", () => {
  it("are read by series", () => {
    const text = ["# HELP a b", 'a_total{code="4000",why="x {y} z"} 3', "b 2.5e-3", 'c_bucket{le="+Inf"} 7'].join("\n");
    expect([...parseMetrics(`${text}\n`)]).toEqual([
      ['a_total{code="4000",why="x {y} z"}', 3],
      ["b", 0.0025],
      ['c_bucket{le="+Inf"}', 7],
    ]);
  });
});
