// Contract of settings between the command that checks them and the processes that start with them: the same judgement in
// the same words. No cluster is started: every process here ends by itself.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";

const COMMAND = fileURLToPath(new URL("../packages/cli/bin/rookery.js", import.meta.url));
const mainOf = (service: string): string =>
  fileURLToPath(new URL(`../services/${service}/dist/main.js`, import.meta.url));

const STORES = { ROOKERY_REDIS_URL: "redis://127.0.0.1:1", ROOKERY_POSTGRES_URL: "postgres://rookery@127.0.0.1:1/x" };
/** Each is right in form and wrong for whoever uses it; those that a service does not read say nothing there. */
const WRONG = {
  ROOKERY_REDIS_URL: "redis://:p@ss/w#rd@h",
  ROOKERY_POSTGRES_URL: "postgres://a:p%zz@h/x",
  ROOKERY_INTERNAL_HOST: "no-such-host.invalid",
  ROOKERY_HOST: "192.0.2.1",
  ROOKERY_TRUSTED_PROXIES: "10.0.0.0/33",
  ROOKERY_ALLOWED_ORIGINS: "https://a.example/app",
  ROOKERY_JWT_JWKS_URL: "https://[bad/jwks",
};

interface Ended {
  readonly code: unknown;
  readonly out: string;
  readonly err: string;
}

async function run(script: string, args: readonly string[], env: Record<string, string>): Promise<Ended> {
  const child = spawn(process.execPath, [script, ...args], { env: { PATH: process.env["PATH"], ...env } });
  onTestFinished(() => void child.kill("SIGKILL"));
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.err += chunk.toString()));
  const [code]: unknown[] = await once(child, "close");
  return { code, ...said };
}

describe("a service that is started with what its check refuses", () => {
  it.each([
    ["edge", 7],
    ["api", 7],
    ["persister", 3],
  ])("%s ends with 78 and says the same, all at once, without a secret", async (service, count) => {
    const [started, checked] = await Promise.all([
      run(mainOf(service), [], WRONG),
      run(COMMAND, ["config", "check", service], WRONG),
    ]);
    expect(started.err).toMatch(new RegExp(`^${count} settings are wrong:\n`));
    expect(checked.err).toBe(`rookery: ${started.err}`);
    expect([started.code, checked.code, started.out]).toEqual([78, 78, ""]);
    expect(started.err).not.toMatch(/p@ss|w#rd|p%zz|^\s+at /m);
  });
});

describe("a port that somebody else has", () => {
  it("is told as such by edge and api, which may be started again: exit 1", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void other.close());
    await once(other, "listening");
    const address = other.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const env = { ...STORES, ROOKERY_INTERNAL_PORT: "0", ROOKERY_PORT: String(port) };
    for (const { code, out } of await Promise.all(["edge", "api"].map((service) => run(mainOf(service), [], env)))) {
      expect(out).toMatch(/could not start: the port \d+ is taken: .*ROOKERY_PORT/);
      expect(code).toBe(1);
    }
  });
});
