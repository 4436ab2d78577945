// The whole of `rookery dev` with real Redis, Postgres and services, as a person starts it: the ready line, a message from
// edge to edge and into Postgres, deaths and returns, and what is left behind by every kind of end.
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { ReadyLine } from "../cluster-file.ts";
import {
  BIN,
  exists,
  launch,
  processesAt,
  REPOSITORY,
  startOutsideTest,
  survivors,
  temporaryFolder,
  temporaryFoldersIn,
  until,
} from "./launcher.suite.ts";
import type { Launched, OutsideTest } from "./launcher.suite.ts";

const SERVICES = ["edge-1", "edge-2", "api", "persister-1"];
const SERVERS = ["redis", "postgres"];
const server = (name: string): object => ({ name, pid: expect.any(Number) });
const service = (name: string): object => ({
  ...server(name),
  internal: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
});

const pidOf = (line: ReadyLine, name: string): number => line.processes.find((each) => each.name === name)?.pid ?? 0;

/** Runs the command to its end. */
const rookery = async (cwd: string, ...args: readonly string[]): Promise<{ code: number | string; out: string }> => {
  const { ended, out, err } = launch(process.execPath, [BIN, ...args], cwd);
  const code = await ended;
  return { code, out: [...out, ...(code === 0 ? [] : err)].join("\n") };
};

const nothingIsLeft = async (cwd: string, line: ReadyLine): Promise<void> => {
  await until("every process to be gone", async () => (await processesAt(cwd)).length === 0);
  await until("servers to be gone", () => survivors(line).length === 0);
  await until("temporary folders to be gone", async () => (await temporaryFoldersIn(cwd)).length === 0);
};

describe("a cluster that stays", () => {
  let started: OutsideTest;
  let dev: Launched;
  let line: ReadyLine;
  let cwd: string;

  beforeAll(async () => {
    started = await startOutsideTest(["dev", "--json", "--port", "0", "--restart"]);
    ({ dev, cwd } = started);
    line = await dev.ready();
  });
  afterAll(() => started.end());

  it("announces itself with exactly the documented line", () => {
    expect(Object.keys(line)).toEqual(["ready", "pid", "ws", "api", "apiKey", "jwt", "redis", "postgres", "processes"]);
    expect(line).toEqual({
      ready: true,
      pid: dev.child.pid,
      ws: [
        expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/ws$/),
        expect.stringMatching(/^ws:\/\/127\.0\.0\.1:\d+\/ws$/),
      ],
      api: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      apiKey: expect.stringMatching(/^rk_/),
      jwt: { alg: "HS256", secret: expect.stringMatching(/^.{32,}$/), issuer: "rookery", audience: "rookery" },
      redis: expect.stringMatching(/^redis:\/\/127\.0\.0\.1:\d+$/),
      postgres: expect.stringMatching(/^postgres:\/\/rookery:[^@]+@127\.0\.0\.1:\d+\/rookery$/),
      processes: [...SERVICES.map(service), ...SERVERS.map(server)],
    });
    expect(Object.keys(line.jwt)).toEqual(["alg", "secret", "issuer", "audience"]);
    expect(survivors(line)).toHaveLength(7);
    expect(dev.out).toHaveLength(1);
  });

  it("answers everywhere once it is announced", async () => {
    const internals = line.processes.slice(0, SERVICES.length).map(({ internal }) => `${internal}/readyz`);
    const publics = line.ws.map((ws) => ws.replace(/^ws(.*)\/ws$/, "http$1/livez"));
    const answers = await Promise.all([...internals, ...publics].map((url) => fetch(url)));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
  });

  it("lets pages of this machine in, on any port and by any of its names, and no others", async () => {
    const [ws = ""] = line.ws;
    const upgrade = (origin: string): Promise<unknown> =>
      new Promise((resolve) => {
        const socket = new WebSocket(ws, { origin });
        socket.once("open", () => resolve("open"));
        socket.once("unexpected-response", (_request, { statusCode }) => resolve(statusCode));
        socket.once("error", resolve);
        socket.once("open", () => socket.terminate());
      });
    const mayRead = async (origin: string): Promise<string | null> =>
      (await fetch(`${line.api}/v1/auth/guest`, { method: "POST", headers: { origin } })).headers.get(
        "access-control-allow-origin",
      );
    for (const origin of ["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:8080", line.api]) {
      expect([await upgrade(origin), await mayRead(origin)]).toEqual(["open", origin]);
    }
    const foreign = "https://localhost.example.org";
    expect([await upgrade(foreign), await mayRead(foreign)]).toEqual([403, null]);
  });

  it("is found by send and tail of the same directory, which use different edges", async () => {
    const tail = launch(process.execPath, [BIN, "tail", "lobby", "--last", "10"], cwd);
    const sent = await rookery(cwd, "send", "lobby", "hello", "--as", "alice", "--persisted");
    expect(sent.out).toMatch(/^ok \d+-\d+\npersisted \d+-\d+$/);
    expect(sent.code).toBe(0);
    await until("the message", () => tail.out.some((each) => /^\d\d:\d\d:\d\d alice: hello$/.test(each)));
  });

  it("keeps a tail going over the death of its edge, without a hole", async () => {
    const tail = launch(process.execPath, [BIN, "tail", "deaths", "--json"], cwd);
    const seen = (): string[] => tail.out.map((text): { body: string } => JSON.parse(text)).map(({ body }) => body);
    let sent = 0;
    await until("the tail to be in", async () => {
      await rookery(cwd, "send", "deaths", String((sent += 1)));
      return tail.out.length > 0;
    });
    process.kill(pidOf(line, "edge-1"), "SIGKILL");
    await until("the report of the death", () =>
      dev.err.some((each) => each.startsWith("edge-1 ended with signal SIGKILL")),
    );
    for (let n = 0; n < 3; n += 1) await rookery(cwd, "send", "deaths", String((sent += 1)));
    await until("the last message", () => seen().at(-1) === String(sent));
    const first = Number(seen()[0]);
    expect(seen()).toEqual(Array.from({ length: sent - first + 1 }, (_, n) => String(first + n)));
    await until("the return of the edge", () => dev.out.length === 2);
    expect(dev.out[1]).toMatch(/^\{"restarted":"edge-1","pid":\d+\}$/);
  });

  it.each(["redis", "postgres", "persister-1"])("brings %s back, and messages are persisted again", async (name) => {
    const before = dev.out.length;
    process.kill(pidOf(line, name), "SIGKILL");
    await until("its return", () => dev.out.length > before);
    expect(JSON.parse(dev.out[before] ?? "")).toMatchObject({ restarted: name });
    const sent = await rookery(cwd, "send", "lobby", `after ${name}`, "--persisted", "--timeout", "60");
    expect(sent.out).toContain("persisted");
    const last = launch(process.execPath, [BIN, "tail", "lobby", "--last", "200"], cwd);
    await until("both messages", () => ["hello", `after ${name}`].every((text) => last.out.join("\n").includes(text)));
  });

  it("mints tokens for whoever asks in its directory", async () => {
    const { out: token } = await rookery(cwd, "token", "create", "--user", "carol");
    const inspected = await rookery(cwd, "token", "inspect", token);
    expect(inspected.out).toContain("accepted for carol");
    const sent = await rookery(cwd, "send", "lobby", "by token", "--url", line.ws[0] ?? "", "--token", token);
    expect(sent.code).toBe(0);
    const guest = await rookery(cwd, "send", "lobby", "by guest", "--url", line.ws[0] ?? "", "--api", line.api);
    expect(guest.code).toBe(0);
    const status = await rookery(cwd, "migrate", "verify", "--postgres-url", line.postgres);
    expect(status).toEqual({ code: 0, out: "the schema is up to date" });
  });

  it("leaves nothing running when told to stop, and keeps what was said", async () => {
    dev.child.kill("SIGTERM");
    expect(await dev.ended).toBe(0);
    await nothingIsLeft(cwd, line);
    expect(await exists(join(cwd, ".rookery", "cluster.json"))).toBe(false);
    const again = launch(process.execPath, [BIN, "dev", "--json", "--port", "0"], cwd);
    const next = await again.ready();
    expect(next.jwt).toEqual(line.jwt);
    const tail = launch(process.execPath, [BIN, "tail", "lobby", "--last", "200"], cwd);
    await until("the old messages", () => tail.out.join("\n").includes("hello"));
  });
});

describe("a temporary cluster", () => {
  it("of which dev is killed leaves no process and no folder, however many serve as Redis", async () => {
    const cwd = await temporaryFolder();
    const args = [BIN, "dev", "--json", "--ephemeral", "--port", "0", "--redis", "sentinel"];
    const dev = launch(process.execPath, args, cwd, { TMPDIR: cwd });
    const line = await dev.ready();
    expect(await temporaryFoldersIn(cwd)).toHaveLength(1);
    expect(survivors(line)).toHaveLength(11);
    dev.child.kill("SIGKILL");
    expect(await dev.ended).toBe("SIGKILL");
    await nothingIsLeft(cwd, line);
    expect(await exists(join(cwd, ".rookery"))).toBe(false);
  });

  it("of which the npx is killed leaves no process and no folder", async () => {
    const cwd = await temporaryFolder();
    const args = ["--no-install", "rookery", "dev", "--json", "--ephemeral", "--port", "0"];
    const dev = launch("npx", args, REPOSITORY, { TMPDIR: cwd });
    const line = await dev.ready();
    expect(line.pid).not.toBe(dev.child.pid);
    dev.child.kill("SIGKILL");
    await nothingIsLeft(cwd, line);
  });

  it("of which the npx is told to stop, twice, leaves nothing and exits 0", async () => {
    const cwd = await temporaryFolder();
    const args = ["--no-install", "rookery", "dev", "--json", "--ephemeral", "--port", "0"];
    const dev = launch("npx", args, REPOSITORY, { TMPDIR: cwd });
    const line = await dev.ready();
    dev.child.kill("SIGINT");
    dev.child.kill("SIGINT");
    expect(await dev.ended).toBe(0);
    await nothingIsLeft(cwd, line);
  });
});

describe("a given server that does not answer", () => {
  it("is told at once, Redis and Postgres alike, and nothing is left when the waiting is ended", async () => {
    const cwd = await temporaryFolder();
    const given = ["--redis-url", "redis://127.0.0.1:1", "--postgres-url", "postgres://me:hush@127.0.0.1:1/x"];
    const args = [BIN, "dev", "--json", "--ephemeral", "--port", "0", ...given];
    const dev = launch(process.execPath, args, cwd, { TMPDIR: cwd });
    const refused = "connect ECONNREFUSED 127.0.0.1:1";
    await until("both reasons", () => dev.err.length === 2);
    expect(dev.err.toSorted()).toEqual([
      `waiting up to 60 s for postgres at postgres://***@127.0.0.1:1/x: ${refused}`,
      `waiting up to 60 s for redis at redis://127.0.0.1:1: ${refused}`,
    ]);
    dev.child.kill("SIGINT");
    expect(await dev.ended).toBe(0);
    expect(dev.out).toEqual([]);
    expect(await temporaryFoldersIn(cwd)).toEqual([]);
  });
});

describe("a service in the foreground", () => {
  it("takes flags, hands signals on and exits as the service does", async () => {
    const cwd = await temporaryFolder();
    const env = { ROOKERY_REDIS_URL: "redis://127.0.0.1:1", ROOKERY_POSTGRES_URL: "postgres://rookery@127.0.0.1:1/x" };
    const wrong = launch(process.execPath, [BIN, "edge", "--sends-per-sec", "x"], cwd, env);
    expect(await wrong.ended).toBe(78);
    expect(wrong.err.join("\n")).toContain("ROOKERY_SENDS_PER_SEC");
    const edge = launch(process.execPath, [BIN, "edge", "--port", "0", "--internal-port", "0"], cwd, {
      ...env,
      HERE: cwd,
    });
    await until("the edge to run", async () => (await processesAt(cwd)).length === 2);
    edge.child.kill("SIGKILL");
    await until("the edge to be gone", async () => (await processesAt(cwd)).length === 0);
    expect(await edge.ended).toBe("SIGKILL");
  });
});
