// The examples as they stand, each as its README starts it: two pages under Vite and a bot in Node, in one channel of one cluster.
import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@rookery/testkit";
import type { Page } from "playwright-core";
import { createServer } from "vite";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

/** A page of an example, on the edge of that number. */
async function open(example: string, edge: number): Promise<Page> {
  const vite = await createServer({
    root: `examples/${example}`,
    logLevel: "error",
    server: { port: 0, host: "127.0.0.1" },
  });
  onTestFinished(() => vite.close());
  await vite.listen();
  const address = vite.httpServer?.address();
  const port = typeof address === "object" ? address?.port : undefined;
  const { page } = await stage.stranger({ expects: [/favicon/] });
  const { ws, api } = stage.cluster.ready;
  await page.goto(`http://127.0.0.1:${port}/?${new URLSearchParams({ api, ws: ws[edge] ?? "" }).toString()}`);
  return page;
}

async function say(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Message" }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

/** A bot that goes on where the one before it on the same file was. */
async function startBot(clusterFile: string, storageFile: string): Promise<() => Promise<void>> {
  const bot = spawn(process.execPath, ["examples/node/bot.mjs", "lobby", clusterFile, storageFile]);
  onTestFinished(() => void bot.kill("SIGKILL"));
  let printed = "";
  for (const stream of [bot.stdout, bot.stderr]) stream.on("data", (bytes) => (printed += String(bytes)));
  await eventually(() => expect(printed).toContain("in lobby"));
  return async () => {
    bot.kill("SIGTERM");
    await eventually(() => expect(bot.exitCode, printed).toBe(0));
  };
}

describe("the examples", () => {
  it("talk to each other in one channel, in React and without a framework", async () => {
    const [react, plain] = [await open("react", 0), await open("browser", 1)];
    await react.getByRole("textbox", { name: "Your name" }).fill("Ann");
    await react.getByRole("button", { name: "Come in" }).click();
    await react.getByRole("status").filter({ hasText: "here" }).waitFor();
    await plain.getByRole("status").filter({ hasText: "You are guest" }).waitFor();
    await say(react, "from React <b>");
    await say(plain, "from a plain page");
    for (const page of [react, plain])
      await expect
        .poll(async () => (await page.getByRole("listitem").allTextContents()).toSorted())
        .toEqual(["Ann: from React <b>", expect.stringMatching(/^guest-.*: from a plain page$/)]);
    await react.getByRole("textbox", { name: "Message" }).fill("almost");
    await plain.getByText("Ann is typing…").waitFor();
  });

  it("have a bot that answers, also what was asked while it was away", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rookery-bot-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const [clusterFile, storageFile] = [join(folder, "cluster.json"), join(folder, "bot.json")];
    await writeFile(clusterFile, JSON.stringify(stage.cluster.ready));
    const ann = await stage.visit("ann", { at: "lobby" });
    const answers = async (form: RegExp): Promise<number> =>
      (await ann.bodies()).filter((body) => form.test(body)).length;
    let stop = await startBot(clusterFile, storageFile);
    await ann.write("!time");
    await expect.poll(() => answers(/^It is \d{4}-/)).toBe(1);
    await stop();
    await ann.write("!seen");
    await expect.poll(() => ann.stateOf("!seen")).toBe("saved");
    stop = await startBot(clusterFile, storageFile);
    await expect.poll(() => answers(/^I have seen 1 messages/)).toBe(1);
    expect(await answers(/^It is/), "what was answered before").toBe(1);
    await stop();
  });
});
