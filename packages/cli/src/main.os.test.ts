// Command lines without a process: what is accepted, what is refused with which exit code, and what is said.
import { mkdtempSync, rmSync, writeFileSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, expect, it, onTestFinished } from "vitest";
import { COMMANDS, main } from "./main.ts";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const emptyFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "rookery-cli-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

const run = async (argv: readonly string[], env: Record<string, string> = {}, cwd = "/nowhere"): Promise<Outcome> => {
  const out: string[] = [];
  const err: string[] = [];
  const entry = () => ({ input: Readable.from([]), screen: undefined });
  const ends = { outClosed: () => new Promise<void>(() => undefined), outFlushed: () => Promise.resolve(undefined) };
  const world = {
    out: (line: string) => out.push(line),
    err: (line: string) => err.push(line),
    ...ends,
    entry,
    cwd,
    env,
  };
  const code = await main(argv, world);
  return { code, out: out.join("\n"), err: err.join("\n") };
};

const SECRET = "a7Xq2LmZ9pTfWc4KdR8vYbN3sHgJ6uEe";

describe("help", () => {
  it.each(COMMANDS)("of $name shows its example and exits 0", async ({ name, example, summary }) => {
    const { code, out } = await run([name, "--help"]);
    expect(code).toBe(0);
    expect(out).toContain(example);
    expect(out.replaceAll(/\s+/g, " ")).toContain(summary);
  });

  it.each([
    ["migrate", "up"],
    ["migrate", "status"],
    ["migrate", "verify"],
    ["token", "create"],
    ["token", "inspect"],
    ["token", "revoke"],
    ["config", "check"],
    ["config", "print"],
    ["config", "docs"],
    ["channel", "create"],
    ["channel", "list"],
    ["channel", "show"],
    ["channel", "delete"],
    ["member", "set"],
    ["member", "remove"],
    ["member", "list"],
    ["key", "create"],
    ["key", "list"],
    ["key", "revoke"],
    ["dead-letters", "list"],
    ["dead-letters", "retry"],
    ["dead-letters", "drop"],
  ])("of %s %s has an example too", async (command, verb) => {
    expect((await run([command, verb, "--help"])).out).toContain(`rookery ${command} ${verb}`);
  });

  it("of dev says what may follow the ready line, and which kinds of Redis it starts", async () => {
    const { out } = await run(["dev", "--help"]);
    const text = out.replaceAll(/\s+/g, " ");
    expect(text).toContain("with --restart one more for each return");
    expect(text).toContain("single, sentinel (a master and a replica under three Sentinels) or cluster");
  });

  it("without a command is a usage error that names them all", async () => {
    const { code, err } = await run([]);
    expect(code).toBe(2);
    for (const { name } of COMMANDS) expect(err).toContain(name);
  });
});

describe("a wrong command line exits 2", () => {
  it.each([
    [["nope"], "unknown command"],
    [["dev", "--nope"], "unknown option"],
    [["dev", "--edges", "0"], "whole number from 1"],
    [["dev", "--port", "65536"], "whole number from 0"],
    [["dev", "--port", "65534", "--edges", "2"], "no room"],
    [["dev", "--set", "PACE"], "KEY=VALUE"],
    [["dev", "--redis-url", "http://x"], "redis://"],
    [["audit", "verify", "--redis-url", "redis+ring://x"], "redis+cluster://"],
    [["dev", "--redis-url", "redis+cluster://x y,z"], "redis://"],
    [["dev", "--ephemeral", "--data", "x"], "exclude"],
    [["dev", "--redis", "ring"], "single, sentinel, cluster"],
    [["dev", "--redis", "cluster", "--redis-url", "redis://127.0.0.1"], "exclude"],
    [["tail"], "missing required argument"],
    [["tail", "no spaces"], "channel id"],
    [["tail", "lobby"], "no cluster runs here"],
    [["tail", "lobby", "--url", "ws://127.0.0.1:1/ws"], "nothing tells how to enter"],
    [["send", "lobby"], "missing required argument"],
    [["token", "create"], "--user"],
    [["token", "create", "--user", " x"], "user id"],
    [["token", "create", "--user", "x"], "no secret"],
    [["token", "inspect", "x"], "not a token"],
    [["token", "revoke"], "just one of them"],
    [["token", "revoke", "--user", "a", "--jti", "b"], "just one of them"],
    [["token", "revoke", "x"], "not a token"],
    [["token", "revoke", "x.e30.x"], "no id of its own"],
    [["token", "revoke", "--issued-before", "yesterday"], "2026-01-31T12:00:00Z"],
    [["migrate", "down"], "unknown command"],
    [["config", "check", "x"], "Allowed choices"],
    [["key", "create", "--name", "x"], "--scope"],
    [["key", "create", "--name", "x", "--scope", "root"], "tokens, publish, channels"],
    [["key", "create", "--name", "bootstrap", "--scope", "admin"], "not bootstrap"],
    [["key", "create", "--name", "a b", "--scope", "admin"], "1 to 64 of"],
    [["key", "revoke", "backend"], "whole number"],
    [["dead-letters", "retry"], "by their numbers, or say --all"],
    [["dead-letters", "retry", "1", "--all"], "by their numbers, or say --all"],
    [["dead-letters", "retry", "1", "--channel", "c"], "--channel goes with --all"],
    [["dead-letters", "retry", "first"], "whole number from 1"],
    [["dead-letters", "drop"], "missing required argument"],
    [["nodes"], "no cluster runs here"],
    [["nodes", "--api", "http://127.0.0.1:1"], "nothing tells which key"],
    [["nodes", "--api", "127.0.0.1:1"], "http://"],
    [["ban", "bob"], "either --channel <id> or --everywhere"],
    [["ban", "bob", "--channel", "c", "--everywhere"], "either --channel <id> or --everywhere"],
    [["ban", "bob", "--channel", "c", "--for", "1w"], "90s, 10m, 2h or 7d"],
    [["mute", "bob"], "--channel <id>"],
    [["kick", "bob", "--everywhere"], "unknown option"],
    [["channel", "create", "x", "--kind", "direct"], "Allowed choices"],
    [["channel", "create", "x", "--kind", "password"], "RK_CHANNEL_PASSWORD"],
    [["channel", "create", "x", "--kind", "password", "--password-file", "/nowhere/x"], "--password-file: ENOENT"],
    [["member", "set", "x", "bob", "--role", "king"], "Allowed choices"],
    [["explain", "--message", "x"], "--user"],
  ] as const)("%j", async (argv, said) => {
    const { code, err, out } = await run(argv);
    expect(err).toContain(said);
    expect(code).toBe(2);
    expect(out).toBe("");
  });
});

describe("settings", () => {
  it("that cannot be used exit 78 with all problems and no stack", async () => {
    const { code, err } = await run(["config", "check", "edge"], { ROOKERY_PORT: "x", ROOKERY_SENDS_PER_SECS: "1" });
    expect(code).toBe(78);
    expect(err).toContain("ROOKERY_PORT");
    expect(err).toContain("ROOKERY_SENDS_PER_SEC?");
    expect(err).not.toContain("    at ");
  });

  const STORES = { ROOKERY_REDIS_URL: "redis://127.0.0.1:6379", ROOKERY_POSTGRES_URL: "postgres://a@127.0.0.1/x" };

  it.each([
    ["ROOKERY_TRUSTED_PROXIES", "10.0.0.0/33", "number from 1 to 32"],
    ["ROOKERY_TRUSTED_PROXIES", "10.0.0", "neither an IP address nor a network"],
    ["ROOKERY_ALLOWED_ORIGINS", "https://a.example/app", "no path"],
    ["ROOKERY_REDIS_URL", "redis://:p@ss/w#rd@h", "written as %40"],
    ["ROOKERY_REDIS_URL", "redis://h/abc", "bad database"],
    ["ROOKERY_POSTGRES_URL", "postgres://a:p%zz@h/x", "written as %25"],
    [
      "ROOKERY_POSTGRES_URL",
      "postgres://a:pw@h/x?target_session_attrs=any",
      "the parameter target_session_attrs is not known",
    ],
    ["ROOKERY_POSTGRES_URL", "postgres://a:pw@h/x?sslmode=prefer", "verify-full"],
    ["ROOKERY_POSTGRES_URL", "postgres://a:pw@h/x?sslmode=verify-ca&sslrootcert=/nowhere", "ENOENT"],
    ["ROOKERY_POSTGRES_URL", "postgres://h/x", "names no user"],
    ["ROOKERY_HOST", "no-such-host.invalid", /no address|looked up/],
    ["ROOKERY_HOST", "192.0.2.1", "no address of this machine"],
    ["ROOKERY_JWT_SECRET", "-----BEGIN PUBLIC KEY-----MCowBQYDK2VwAyEA", "not a secret"],
    ["ROOKERY_JWT_JWKS_URL", "https://[bad/jwks", "cannot be read"],
  ])("are not fine with %s=%s, and the reason is told without a secret", async (name, value, said) => {
    const { code, err } = await run(["config", "check", "edge"], { ...STORES, [name]: value });
    expect(err).toMatch(said);
    expect(code).toBe(78);
    expect(err).toMatch(/^rookery: 1 setting is wrong:\n/);
    expect(err).not.toMatch(/p@ss|p%zz|pw@|MCow/);
  });

  it("that dev cannot use are told before anything is started", async () => {
    const cwd = emptyFolder();
    const args = ["--ephemeral", "--redis-url", "redis://h/abc", "--postgres-url", "postgres://h/x", "--port", "0"];
    const { code, err } = await run(["dev", ...args], {}, cwd);
    expect(code).toBe(78);
    expect(err).toMatch(/bad database[^]*names no user/);
  });

  it("of every process are checked when none is named: all problems, each once", async () => {
    const env = { ...STORES, ROOKERY_BATCH_ENTRIES: "0", ROOKERY_REQUESTS_PER_MIN: "0", ROOKERY_PARTITIONS: "0" };
    const { code, err } = await run(["config", "check"], env);
    expect(code).toBe(78);
    expect(err).toMatch(/^rookery: 3 settings are wrong:\n/);
    for (const name of ["BATCH_ENTRIES", "REQUESTS_PER_MIN", "PARTITIONS"]) expect(err).toContain(`ROOKERY_${name}`);
    const fine = await run(["config", "check"], STORES);
    expect(fine.code).toBe(0);
    for (const service of ["edge", "api", "persister", "migrate"]) {
      expect(fine.out).toMatch(new RegExp(`^\\d+ settings of ${service} are fine$`, "m"));
    }
  });

  it("are shown with their sources, secrets masked", async () => {
    const env = { ROOKERY_REDIS_URL: "redis://:hush@h:1", ROOKERY_POSTGRES_URL: "postgres://a:hush@h/x" };
    const { code, out } = await run(["config", "print", "edge"], { ...env, ROOKERY_JWT_SECRET: SECRET });
    expect(code).toBe(0);
    expect(out).toContain("(environment)");
    expect(out).not.toContain("hush");
    expect(out).not.toContain(SECRET);
  });
});

describe("tokens", () => {
  it("are made with the secret of the environment and accepted with it alone", async () => {
    const made = await run(["token", "create", "--user", "alice", "--json"], { ROOKERY_JWT_SECRET: SECRET });
    const { token }: { token: string } = JSON.parse(made.out);
    const good = await run(["token", "inspect", token], { ROOKERY_JWT_SECRET: SECRET });
    expect(good).toMatchObject({ code: 0, out: expect.stringContaining("accepted for alice") });
    const bad = await run(["token", "inspect", token], { ROOKERY_JWT_SECRET: SECRET.toLowerCase() });
    expect(bad).toMatchObject({ code: 1, out: expect.stringContaining("refused") });
    expect(good.out + bad.out).not.toContain(SECRET);
  });
});

describe("a token of somebody else", () => {
  it("is shown without its orders to the terminal, and exactly with --json", async () => {
    const claims = { sub: "a\u009b31m", name: "b\u202e" };
    const token = ["e30", Buffer.from(JSON.stringify(claims)).toString("base64url"), "x"].join(".");
    const shown = await run(["token", "inspect", token]);
    expect(shown.out).toContain(String.raw`a\u{9b}31m`);
    expect(shown.out).toContain(String.raw`b\u{202e}`);
    const exact: { claims: object } = JSON.parse((await run(["token", "inspect", token, "--json"])).out);
    expect(exact.claims).toEqual(claims);
  });
});

describe("the note of a cluster", () => {
  it("whose dev is gone is told as such", async () => {
    const cwd = emptyFolder();
    mkdirSync(join(cwd, ".rookery"));
    const note = { ready: true, pid: 2 ** 22 + 1, ws: ["ws://127.0.0.1:1/ws"], api: "http://127.0.0.1:1", jwt: {} };
    writeFileSync(join(cwd, ".rookery", "cluster.json"), JSON.stringify(note));
    const { code, err } = await run(["tail", "lobby"], {}, cwd);
    expect(code).toBe(2);
    expect(err).toContain("is of a cluster that is gone");
  });

  it("that is damaged is told as such", async () => {
    const cwd = emptyFolder();
    mkdirSync(join(cwd, ".rookery"));
    writeFileSync(join(cwd, ".rookery", "cluster.json"), '{"ready":tr');
    expect((await run(["send", "lobby", "x"], {}, cwd)).err).toContain("cannot be read");
  });
});
