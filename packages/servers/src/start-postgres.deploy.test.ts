// Contract of startPostgres with the shipped binaries. This package knows no driver, so what a connection can do is
// seen through the server's own answers to a start-up message.
import { chmod, mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { startPostgres } from "./start-postgres.ts";
import type { StartPostgresOptions } from "./start-postgres.ts";
import type { RunningServer } from "./start-redis.ts";
import { describeStarter } from "./starter.suite.ts";

const started = async (options: StartPostgresOptions): Promise<RunningServer> => {
  const server = await startPostgres(options);
  onTestFinished(server.stop);
  return server;
};

/** The first answer to "let me in as this user": `R` asks for a password, `E` refuses. (PostgreSQL manual, 54.2.1) */
const firstAnswer = (port: number, user: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const body = Buffer.from(`\0\x03\0\0user\0${user}\0database\0postgres\0\0`, "latin1");
    const length = Buffer.alloc(4);
    length.writeInt32BE(body.length + 4);
    const socket = connect({ port, host: "127.0.0.1" }, () => socket.write(Buffer.concat([length, body])));
    socket.once("error", reject).once("data", (answer: Buffer) => {
      socket.destroy();
      resolve(answer.toString("latin1"));
    });
  });

const passwordIn = (url: string): string => new URL(url).password;

describeStarter({ name: "startPostgres", start: startPostgres });

describe("startPostgres", () => {
  it("lets its own role in by password and nobody else", async () => {
    const { port, url } = await started({});
    expect(url).toMatch(new RegExp(`^postgres://rookery:[0-9a-f]{48}@127\\.0\\.0\\.1:${port}/rookery$`));
    expect(await firstAnswer(port, "rookery")).toMatch(/^R[^]*SCRAM-SHA-256/);
    expect(await firstAnswer(port, "postgres")).toMatch(/^E[^]*no pg_hba\.conf entry/);
  });

  it("keeps data and password for the next start on the same folder", async () => {
    const base = await mkdtemp(join(tmpdir(), "rookery-postgres-test-"));
    await chmod(base, 0o755);
    onTestFinished(() => rm(base, { recursive: true, force: true }));
    const dir = join(base, "deep", "data");
    const first = await started({ dir, ephemeral: true });
    const file = join(first.dir, "password");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readFile(file, "utf8")).toBe(passwordIn(first.url));
    await first.stop();
    const second = await started({ dir, port: first.port });
    expect(second.url).toBe(first.url);
    expect(second.tail().join("\n")).not.toContain("recovery");
  });

  it("gives up fsync only for ephemeral data", async () => {
    const base = await mkdtemp(join(tmpdir(), "rookery-postgres-test-"));
    await chmod(base, 0o755);
    onTestFinished(() => rm(base, { recursive: true, force: true }));
    const seen = async (options: StartPostgresOptions): Promise<string> => {
      const server = await started(options);
      const text = await readFile(join(server.dir, "data", "postmaster.opts"), "utf8");
      await server.stop();
      return text;
    };
    expect(await seen({ dir: join(base, "a") })).not.toContain("fsync");
    expect(await seen({ dir: join(base, "a"), ephemeral: true })).toContain("fsync=off");
  });

  // Three data folders are made: on a machine that does other things too, each may take ten seconds.
  it("says what the server said when it cannot start", { timeout: 90_000 }, async () => {
    await expect(startPostgres({ settings: { max_connections: "many" } })).rejects.toThrow(
      /ended at start: .*max_connections/,
    );
    const { port } = await started({});
    await expect(startPostgres({ port })).rejects.toThrow(/Address already in use/);
  });
});
