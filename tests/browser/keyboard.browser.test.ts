// That everything is done without a mouse: only keys are pressed here, from coming in to another channel.
import { beforeAll, describe, expect, it } from "vitest";
import type { Page } from "playwright-core";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
  for (const channel of ["alpha", "beta"]) await stage.backend.channel(channel, { owner: "ann" });
});

/** Presses Tab until what has focus is called so. */
async function tabTo(page: Page, name: RegExp, key = "Tab"): Promise<void> {
  const passed: string[] = [];
  for (let n = 0; n < MOST_TABS; n += 1) {
    await page.keyboard.press(key);
    const focused = await nameOfFocus(page);
    if (name.test(focused)) return;
    passed.push(focused);
  }
  throw new Error(`nothing called ${name} among ${passed.join(" | ")}`);
}
const MOST_TABS = 60;

async function nameOfFocus(page: Page): Promise<string> {
  return page.evaluate(() => {
    const focused = document.activeElement;
    if (!(focused instanceof HTMLElement) || focused === document.body) return "";
    const labels = focused instanceof HTMLInputElement ? [...(focused.labels ?? [])] : [];
    return focused.ariaLabel ?? labels[0]?.textContent ?? focused.textContent ?? "";
  });
}

describe("without a mouse one", () => {
  it("comes in, finds a channel, and writes", async () => {
    const chat = await stage.stranger();
    const { keyboard } = chat.page;
    await chat.name.waitFor();
    await tabTo(chat.page, /^Your name/);
    await keyboard.type("Keys");
    await keyboard.press("Enter");
    await chat.channels.waitFor();
    await tabTo(chat.page, /^Browse channels/);
    await keyboard.press("Enter");
    await chat.page.getByRole("dialog").getByRole("link", { name: /alpha/ }).waitFor();
    await tabTo(chat.page, /^alpha/);
    await keyboard.press("Enter");
    await chat.log.waitFor();
    await tabTo(chat.page, /^Message$/);
    await keyboard.type("hello by keys");
    await keyboard.press("Enter");
    await expect.poll(() => chat.stateOf("hello by keys")).toBe("saved");
  });

  it("reacts to a message, answers it, edits one's own, and reads a thread", async () => {
    const chat = await stage.visit("ann", { at: "beta" });
    const { keyboard } = chat.page;
    await stage.backend.say("beta", [{ user: "bo", name: "Bo", body: "one" }]);
    await chat.message("one").waitFor();
    await tabTo(chat.page, /^Message$/);
    await keyboard.type("two");
    await keyboard.press("Enter");
    await expect.poll(() => chat.stateOf("two")).toBe("saved");
    const go = async (...keys: string[]): Promise<void> => {
      for (const key of keys) await keyboard.press(key);
    };
    const toMessages = (): Promise<void> => tabTo(chat.page, /^(Ann|Bo), \d/, "Shift+Tab");
    await toMessages();
    await go("ArrowUp", "Home", "Enter");
    await expect.poll(() => nameOfFocus(chat.page)).toBe("React");
    await go("Enter");
    await expect.poll(() => nameOfFocus(chat.page)).toBe("👍");
    await go("Enter");
    await chat.message("one").getByRole("button", { name: "👍 1, you reacted" }).waitFor();
    await toMessages();
    await go("Home", "Enter", "ArrowRight", "Enter");
    await expect.poll(() => nameOfFocus(chat.page)).toBe("Message");
    await keyboard.type("three answers one");
    await go("Enter");
    await expect.poll(() => chat.stateOf("three answers one")).toBe("saved");
    await go("ArrowUp");
    await expect.poll(() => chat.composer.inputValue()).toBe("three answers one");
    await keyboard.type(" indeed");
    await go("Enter");
    await chat.message("three answers one indeed").waitFor();
    await toMessages();
    await go("Home", "Enter", "ArrowRight", "ArrowRight", "Enter");
    await chat.aside("Thread").getByText("three answers one indeed").waitFor();
    await go("Escape");
    await chat.aside("Thread").waitFor({ state: "detached" });
  });

  it("goes to another channel, and back", async () => {
    const chat = await stage.visit("ann", { at: "alpha" });
    await chat.open("beta");
    await tabTo(chat.page, /^alpha/);
    await chat.page.keyboard.press("Enter");
    await expect.poll(() => chat.title.textContent()).toBe("alpha");
  });
});
