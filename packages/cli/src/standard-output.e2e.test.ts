// What becomes of a command whose standard output fills up or is left, by the exit codes and words of real processes.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { message, startFakeEdge } from "./chat/fake-edge.suite.ts";
import { BIN, temporaryFolder } from "./dev/launcher.suite.ts";

const SECRET = "a7Xq2LmZ9pTfWc4KdR8vYbN3sHgJ6uEe";

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a line of shell, in which `rookery` is the command. */
const shell = (line: string, cwd: string): Promise<Outcome> =>
  new Promise((resolve) => {
    const text = `rookery() { "${process.execPath}" "${BIN}" "$@"; }\n${line}`;
    const child = execFile("sh", ["-c", text], { cwd, env: { ...process.env, ROOKERY_JWT_SECRET: SECRET } });
    let [out, err] = ["", ""];
    child.stdout?.on("data", (part) => (out += String(part)));
    child.stderr?.on("data", (part) => (err += String(part)));
    child.once("close", (code) => resolve({ code: code ?? -1, out, err }));
  });

describe("a full disk behind standard output", () => {
  it.each([
    "config docs",
    "config print migrate --json",
    "token create --user alice",
    "--help",
    "send lobby x --token t --url $URL",
    "tail lobby --last 2 --token t --url $URL",
  ])("ends `rookery %s` with 1 and one line", async (command) => {
    const edge = await startFakeEdge({ messages: [message(1)] });
    const cwd = await temporaryFolder();
    const environment = `URL=${edge.url} ROOKERY_POSTGRES_URL=postgres://a@127.0.0.1:1/x`;
    const { code, err } = await shell(`export ${environment}\nrookery ${command} > /dev/full`, cwd);
    const lines = err.split("\n").filter((line) => line.includes("standard output"));
    expect(lines).toEqual(["rookery: standard output: ENOSPC: no space left on device, write"]);
    expect(code).toBe(1);
  });

  it("that fills up in the middle of a text is noticed too", async () => {
    const cwd = await temporaryFolder();
    // A file may have 512 or 1,024 bytes here, by the shell's unit; the table of settings is larger.
    const { code, err } = await shell("ulimit -f 1; rookery config docs > short.txt", cwd);
    expect(err).toMatch(/^rookery: standard output: EFBIG[^\n]*\n$/);
    expect(code).toBe(1);
    expect((await readFile(join(cwd, "short.txt"), "utf8")).length).toBeGreaterThan(0);
  });
});

describe("a reader of standard output", () => {
  it("that leaves ends a tail at once, without another message, and is no fault", async () => {
    const edge = await startFakeEdge({ messages: [message(1)] });
    const cwd = await temporaryFolder();
    const tail = `rookery tail lobby --last 5 --token t --url ${edge.url}`;
    const { out, err } = await shell(`{ ${tail}; echo "code $?" >&2; } | head -1`, cwd);
    expect(out).toMatch(/^\d\d:\d\d:\d\d alice: text 1\n$/);
    expect(err).toBe("code 0\n");
  });

  it("that is slow gets everything, also of a command that ends by itself meanwhile", async () => {
    const messages = Array.from({ length: 200 }, (_, n) => message(n + 1, { body: `${n} ${"x".repeat(2000)}` }));
    const edge = await startFakeEdge({
      messages,
      answer: ({ type }, socket) => {
        if (type === "join") setTimeout(() => socket.send(JSON.stringify(REMOVED)), 200);
        return false;
      },
    });
    const cwd = await temporaryFolder();
    const tail = `rookery tail lobby --last 200 --token t --url ${edge.url}`;
    const wait = "until grep -q kicked err.txt; do sleep 0.1; done; sleep 0.3";
    const { out } = await shell(`${tail} 2> err.txt | { ${wait}; cat; }`, cwd);
    expect(out.split("\n").filter((line) => line !== "")).toHaveLength(200);
    expect(await readFile(join(cwd, "err.txt"), "utf8")).toBe("kicked: removed from lobby\n");
  });
});

const REMOVED = { type: "removed", channel: "lobby", code: "kicked" };
