// Who one is, for as long as a page is open: guests, tokens from elsewhere, tokens that end, signing out.
import { beforeAll, describe, expect, it } from "vitest";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";
import { LOST_NETWORK } from "./witness.ts";

/** Short enough to see several tokens end. */
const TTL_SEC = 4;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ set: { ROOKERY_HEARTBEAT_MS: "500", ROOKERY_TOKEN_GRACE_MS: "1000" } });
});

interface Minted {
  readonly token: string;
  readonly refreshToken: string;
}

async function minted(user: string): Promise<string> {
  const made = await stage.backend.ask<Minted>("POST", "tokens", { user, name: user, ttlSec: TTL_SEC });
  return `token=${made.token}&refresh=${made.refreshToken}`;
}

describe("a guest", () => {
  it("comes in by a name, is shown by it, is still in after a reload, and out after signing out", async () => {
    const chat = await stage.stranger();
    await chat.signIn("Guest of Honour");
    await chat.channels.waitFor();
    await chat.page.reload();
    await chat.button("You, Guest of Honour").click();
    await chat.button("Sign out").click();
    await chat.name.waitFor();
    await chat.page.reload();
    await expect.poll(() => chat.name.isVisible()).toBe(true);
  });
});

describe("a token", () => {
  it("is taken out of the address at once", async () => {
    const chat = await stage.visit("ann");
    expect(chat.page.url()).toBe(stage.address);
    expect(await chat.page.evaluate(() => history.length)).toBeLessThanOrEqual(2);
  });

  it("that is no good says so, leaves the address, and takes no one's place", async () => {
    const ann = await stage.visit("ann", { expects: [/status of 401/] });
    const tab = await ann.page.context().newPage();
    await tab.goto(`${stage.address}#token=abc`);
    await tab.getByRole("alert").filter({ hasText: "no longer good" }).waitFor();
    expect(tab.url()).not.toContain("abc");
    await tab.getByRole("button", { name: "Try again" }).click();
    await tab.getByRole("button", { name: "You, Ann" }).waitFor();
  });

  it("is taken where the page is already shown as well", async () => {
    const ann = await stage.visit("ann");
    const token = stage.cluster.token("bo", { name: "Bo" });
    await ann.page.evaluate((fragment) => {
      location.hash = fragment;
    }, `token=${token}`);
    await ann.button("You, Bo").waitFor();
    expect(ann.page.url()).not.toContain("token");
  });

  it("that ends while the page is open is followed by the next, and nobody notices", async () => {
    await stage.backend.channel("renewed");
    const bo = await stage.visit("bo", { at: "renewed" });
    const ann = await stage.visit("ann", { at: "renewed", fragment: await minted("ann") });
    const told = await ann.recordBanner();
    for (const round of [1, 2]) {
      await ann.page.waitForResponse((answer) => answer.url().endsWith("/v1/auth/refresh") && answer.ok());
      await ann.write(`round ${round}`);
      await bo.message(`round ${round}`).waitFor();
    }
    expect(await told()).toEqual([]);
    await ann.page.reload();
    await ann.message("round 2").waitFor();
  });

  it("that ended while the network was away is followed by the next, and what was written meanwhile is sent", async () => {
    await stage.backend.channel("asleep");
    const bo = await stage.visit("bo", { at: "asleep" });
    const ann = await stage.visit("ann", { at: "asleep", fragment: await minted("ann"), expects: LOST_NETWORK });
    const endsAtMs = Date.now() + (TTL_SEC + 2) * 1000;
    await ann.page.context().setOffline(true);
    await ann.write("good night");
    await expect.poll(() => Date.now() > endsAtMs).toBe(true);
    await ann.page.context().setOffline(false);
    await bo.message("good night").waitFor();
    await expect.poll(() => ann.stateOf("good night")).toBe("saved");
    expect(await bo.bodies()).toEqual(["good night"]);
  });

  it("that is refused for good ends in a page that says how to come in again", async () => {
    const refused = /status of 401/;
    const ann = await stage.visit("eve", { fragment: await minted("eve"), expects: [refused] });
    await stage.backend.ask("POST", "revocations", { user: "eve" });
    await expect.poll(() => ann.name.isVisible()).toBe(true);
  });
});
