// Three people at `chat`, over two edges of a real cluster: two in pipes, one at a terminal of 40 columns.
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { eventually, startCluster } from "@rookery/testkit";
import type { Cluster } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { createDrawn } from "../chat/drawn.suite.ts";
import { BIN } from "../dev/launcher.suite.ts";

const WITHIN = { withinMs: 15_000 };
/** Of util-linux: runs a command under a terminal of its own. */
const hasScript = spawnSync("script", ["--version"]).status === 0;

let cluster: Cluster;
beforeAll(async () => {
  const set = { ROOKERY_PRESENCE_GRACE_MS: "0", ROOKERY_LEASE_MS: "2000" };
  cluster = await startCluster({ edges: 2, restart: true, set });
});
afterAll(() => cluster?.stop());

function start(user: string, edge: number, command: string, args: readonly string[]): ChildProcess {
  const env = { ...process.env, RK_URL: cluster.ready.ws[edge], RK_TOKEN: cluster.token(user) };
  const child = spawn(command, args, { env, stdio: ["pipe", "pipe", "ignore"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return child;
}

function piped(user: string, edge: number, channel: string) {
  const child = start(user, edge, process.execPath, [BIN, "chat", channel]);
  const lines: string[] = [];
  if (child.stdout !== null) createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const exited = once(child, "exit").then(([code]: unknown[]) => code);
  return {
    exited,
    enter: (text: string) => void child.stdin?.write(`${text}\n`),
    end: () => void child.stdin?.end(),
    /** Lines without their times. */
    lines: () => lines.map((line) => line.replace(/^\d\d:\d\d:\d\d /, "")),
    sees: (text: string) => eventually(() => lines.some((line) => line.endsWith(text)), { ...WITHIN, what: text }),
  };
}

it("people in pipes talk, change what they said, and lose nothing when an edge is killed", async () => {
  const [ann, bob] = [piped("ann", 0, "pipes"), piped("bob", 1, "pipes")];
  ann.enter("hello");
  await bob.sees("#1 ann: hello");
  bob.enter("/reply well met");
  bob.enter("/react #1 🎉");
  await ann.sees("* bob put 🎉 on #1");
  ann.enter("/edit hello all");
  await bob.sees("* ann edited #1: hello all");
  bob.enter("/delete");
  bob.enter("/who");
  await ann.sees("* bob deleted #2");
  await bob.sees("2 here: ann, bob");
  cluster.kill("edge-1");
  ann.enter("over the gap");
  bob.enter("meanwhile");
  await ann.sees("bob: meanwhile");
  await bob.sees("ann: over the gap");
  ann.end();
  bob.end();
  expect(await Promise.all([ann.exited, bob.exited])).toEqual([0, 0]);
  const said = (lines: readonly string[]): string[] => lines.filter((line) => /^#\d+ /.test(line)).toSorted();
  expect(said(ann.lines()).map((line) => line.replace(/^#\d+ /, ""))).toEqual(
    said(bob.lines()).map((line) => line.replace(/^#\d+ /, "")),
  );
  expect(ann.lines().filter((line) => line.endsWith("ann: over the gap"))).toHaveLength(1);
});

it.skipIf(!hasScript)(
  "a person at a terminal of 40 columns sees who is there, who writes and what changes",
  async () => {
    const typist = await cluster.client("eve", { edge: 0 });
    onTestFinished(() => typist.close());
    await typist.join("terminal");
    const { id } = await typist.send("terminal", "a line that is much too long for a terminal of forty columns");
    const chat = `stty cols 40 rows 12; exec ${process.execPath} ${BIN} chat terminal`;
    const child = start("cy", 1, "script", ["-qfec", chat, "/dev/null"]);
    const drawn = createDrawn();
    let written = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      written += chunk.toString();
      drawn.write(written);
    });
    const sees = (line: string | RegExp) =>
      eventually(() => drawn.lines().some((each) => (typeof line === "string" ? each === line : line.test(each))), {
        ...WITHIN,
        what: String(line),
      });
    await sees("terminal - 2 here");
    await sees(/^\d\d:\d\d #1 eve: a line that is much too/);
    await typist.request({ type: "typing", channel: "terminal", on: true });
    await sees("eve writes");
    child.stdin?.write("hi\r");
    await typist.waitFor((frame) => frame.type === "message" && frame.user === "cy");
    await sees(/#2 cy: hi$/);
    await typist.request({ type: "edit", channel: "terminal", id: String(id), body: "short" });
    await sees(/#1 eve: short \(edited\)$/);
    await typist.request({ type: "react", channel: "terminal", id: String(id), emoji: "👍", on: true });
    await sees("  | 👍 1");
    const exited = once(child, "exit");
    child.stdin?.write("\u0003");
    expect(await exited).toEqual([0, null]);
    expect(written.trimEnd().endsWith("\u001b[?1049l")).toBe(true);
  },
);
