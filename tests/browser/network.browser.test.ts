// What a page makes of a network and a cluster that fail under it: what it says meanwhile, and what became of every message.
import { startProxy } from "@rookery/testkit";
import type { Proxy } from "@rookery/testkit";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { ChatPage } from "./chat-page.ts";
import { openStage } from "./stage.ts";
import type { Stage, VisitOptions } from "./stage.ts";
import { LOST_NETWORK } from "./witness.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ restart: true });
});

const FAILING: VisitOptions = { expects: LOST_NETWORK };
const said = (who: string, count: number): string[] => Array.from({ length: count }, (_, n) => `${who} says ${n}`);

async function windowOf(user: string, at: string, more: VisitOptions = {}): Promise<ChatPage> {
  return stage.visit(user, { ...FAILING, at, ...more });
}

/** All of them, once each, in the same order everywhere. */
async function expectOnce(chats: readonly ChatPage[], bodies: readonly string[]): Promise<void> {
  for (const chat of chats)
    await expect.poll(async () => (await chat.bodies()).toSorted(), { timeout: 30_000 }).toEqual(bodies.toSorted());
  const [first, ...others] = await Promise.all(chats.map((chat) => chat.settled()));
  for (const other of others) expect(other).toEqual(first);
  expect(first).toHaveLength(bodies.length);
}

async function proxied(): Promise<Proxy> {
  const proxy = await startProxy({ target: stage.cluster.ready.ws[0] ?? "" });
  onTestFinished(proxy.close);
  return proxy;
}

describe("a page whose edge is killed", () => {
  it("goes on with the other edge: nothing is lost, nothing comes twice", async () => {
    await stage.backend.channel("killed");
    const [ann, bo] = [await windowOf("ann", "killed", { edge: 0 }), await windowOf("bo", "killed", { edge: 1 })];
    const [hers, his] = [said("ann", 6), said("bo", 6)];
    for (const [n, line] of hers.entries()) {
      if (n === 2) stage.cluster.kill("edge-1");
      await ann.write(line);
      await bo.write(his[n] ?? "");
    }
    await expectOnce([ann, bo], [...hers, ...his]);
    for (const each of [ann, bo]) await expect.poll(() => each.banner.textContent()).toBe("");
    await stage.cluster.restarted("edge-1");
  });

  it("says so while there is no other, keeps what is written, and delivers it once there is one", async () => {
    await stage.backend.channel("alone");
    const [ann, bo] = [await windowOf("ann", "alone", { edge: 0 }), await windowOf("bo", "alone", { edge: 1 })];
    await ann.write("before");
    await bo.message("before").waitFor();
    for (const edge of ["edge-1", "edge-2"]) stage.cluster.kill(edge);
    await ann.write("meanwhile");
    await expect.poll(() => ann.banner.textContent()).toContain("Reconnecting");
    for (const edge of ["edge-1", "edge-2"]) await stage.cluster.restarted(edge);
    await expectOnce([ann, bo], ["before", "meanwhile"]);
    await expect.poll(() => ann.stateOf("meanwhile")).toBe("saved");
    await expect.poll(() => ann.banner.textContent()).toBe("");
  });
});

describe("a page whose network is away", () => {
  it("says that it is offline, and delivers once what was written on either side meanwhile", async () => {
    await stage.backend.channel("offline");
    const [ann, bo] = [await windowOf("ann", "offline"), await windowOf("bo", "offline", { edge: 1 })];
    await ann.page.context().setOffline(true);
    await ann.write("from the tunnel");
    await bo.write("where are you");
    await expect.poll(() => ann.banner.textContent()).toContain("You are offline");
    expect(await ann.stateOf("from the tunnel")).toBe("sending");
    await ann.page.context().setOffline(false);
    await expectOnce([ann, bo], ["from the tunnel", "where are you"]);
    await expect.poll(() => ann.banner.textContent()).toBe("");
  });

  it("keeps unsent messages over a reload, and sends each once", async () => {
    await stage.backend.channel("reloaded");
    const proxy = await proxied();
    const ann = await windowOf("ann", "reloaded", { urls: [proxy.url()] });
    const bo = await windowOf("bo", "reloaded", { edge: 1 });
    await ann.write("before");
    await bo.message("before").waitFor();
    proxy.refuse(true);
    proxy.cut();
    for (const body of ["unsent 1", "unsent 2"]) await ann.write(body);
    await expect.poll(() => ann.stateOf("unsent 2")).toBe("sending");
    await ann.page.reload();
    proxy.refuse(false);
    await expectOnce([ann, bo], ["before", "unsent 1", "unsent 2"]);
    expect(await ann.bodies()).toEqual(["before", "unsent 1", "unsent 2"]);
  });

  it("shares what it keeps with another tab of the same user, and still sends each once", async () => {
    await stage.backend.channel("tabs");
    const proxy = await proxied();
    const [one, bo] = [await windowOf("ann", "tabs", { urls: [proxy.url()] }), await windowOf("bo", "tabs")];
    const two = await stage.tabOf(one, "tabs");
    await one.write("from one");
    await two.message("from one").waitFor();
    proxy.refuse(true);
    proxy.cut();
    await one.write("unsent in one");
    await two.write("unsent in two");
    await one.page.reload();
    proxy.refuse(false);
    await expectOnce([one, two, bo], ["from one", "unsent in one", "unsent in two"]);
    for (const each of [one, two]) await expect.poll(() => each.banner.textContent()).toBe("");
  });
});
