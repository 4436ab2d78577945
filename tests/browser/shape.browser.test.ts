// How the page stands in its window: from 320 px to wide, light and dark, and nothing that jumps.
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import type { ChatPage } from "./chat-page.ts";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

const LINES = Array.from({ length: 40 }, (_, n) => ({ user: `user-${n % 3}`, body: `line ${n}` }));

declare global {
  /** The page's layout shifts so far, as the browser scores them. */
  var shifts: number;
}

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
  await stage.backend.channel("patio", { name: "A channel with quite a long name for a small window", owner: "ann" });
  await stage.backend.say("patio", [
    { user: "bo", name: "Bo", body: "https://example.org/".padEnd(400, "a") },
    { user: "bo", name: "B".repeat(64), body: "W".repeat(600) },
    ...LINES,
  ]);
});

const NARROW = { viewport: { width: 320, height: 568 } };

/** By how many px the page is wider than its window. */
const overhang = (page: Page): Promise<number> =>
  page.evaluate(() => {
    const log = document.querySelector("[role=log]");
    return Math.max(
      document.documentElement.scrollWidth - innerWidth,
      log === null ? 0 : log.scrollWidth - log.clientWidth,
    );
  });

describe("a window of 320 px", () => {
  it("shows one pane at a time, and nothing that has to be scrolled sideways", async () => {
    const chat = await stage.visit("ann", { context: NARROW });
    await chat.button("Browse channels").click();
    expect(await overhang(chat.page)).toBe(0);
    await chat.page
      .getByRole("dialog")
      .getByRole("link", { name: /quite a long name/ })
      .click();
    await chat.message("https://example.org/aaa").waitFor();
    await expect.poll(() => chat.channels.isVisible()).toBe(false);
    expect(await overhang(chat.page)).toBe(0);
    await chat.button("Jump to newest").click();
    await chat.message("line 39").waitFor();
    expect(await overhang(chat.page)).toBe(0);
    await chat.people.click();
    await chat.aside("People").waitFor();
    expect(await overhang(chat.page)).toBe(0);
    await chat.aside("People").getByRole("button", { name: "Close" }).click();
    await chat.page.getByRole("link", { name: "All channels" }).click();
    await expect.poll(() => chat.channels.isVisible()).toBe(true);
    await expect.poll(() => chat.log.isVisible()).toBe(false);
  });

  it("has room to write in while the keyboard of a telephone takes half of it", async () => {
    const chat = await stage.visit("ann", { at: "patio", context: { viewport: { width: 320, height: 300 } } });
    await chat.write("typed in a corner");
    await chat.message("typed in a corner").waitFor();
    const box = await chat.composer.boundingBox();
    expect((box?.y ?? 1000) + (box?.height ?? 0)).toBeLessThanOrEqual(300);
    expect(await overhang(chat.page)).toBe(0);
  });
});

describe("the colours", () => {
  const paper = (page: Page): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

  it("follow the system until somebody chooses, and the choice is kept", async () => {
    const chat = await stage.visit("ann", { context: { colorScheme: "dark" } });
    const dark = await paper(chat.page);
    await chat.page.emulateMedia({ colorScheme: "light" });
    const light = await paper(chat.page);
    expect(light).not.toBe(dark);
    await chat.button("You, Ann").click();
    await chat.page.getByRole("radio", { name: "Dark" }).check();
    await expect.poll(() => paper(chat.page)).toBe(dark);
    await chat.page.reload();
    await chat.channels.waitFor();
    expect(await paper(chat.page)).toBe(dark);
  });
});

describe("the layout", () => {
  const shift = (page: Page): Promise<number> => page.evaluate(() => globalThis.shifts);

  it("stays where it is while the page loads, at first and again", async () => {
    await stage.backend.channel("porch", { owner: "ann" });
    await stage.backend.say("porch", LINES);
    const chat = await stage.visit("ann", { at: "porch", before: countShifts });
    await chat.message("line 0").waitFor();
    expect(await shift(chat.page)).toBeLessThan(UNSEEN_SHIFT);
    await chat.page.reload();
    await chat.message("line 0").waitFor();
    expect(await shift(chat.page)).toBeLessThan(UNSEEN_SHIFT);
  });

  it("stays where it is while messages come, but for the rows that make way for the newest", async () => {
    await stage.backend.channel("stoop", { owner: "ann" });
    await stage.backend.say("stoop", LINES);
    const chat = await stage.visit("ann", { at: "stoop", before: countShifts });
    await chat.message("line 0").waitFor();
    const [before, boxes] = [await shift(chat.page), await boxesOf(chat)];
    await stage.backend.say("stoop", [{ user: "bo", body: "below what is read" }]);
    await chat.button("Jump to newest").getByText("1 new message").waitFor();
    expect((await shift(chat.page)) - before).toBeLessThan(UNSEEN_SHIFT);
    await chat.button("Jump to newest").click();
    await chat.message("below what is read").waitFor();
    for (let n = 0; n < 3; n += 1) {
      const last = await shift(chat.page);
      await stage.backend.say("stoop", [{ user: "bo", body: `arrives ${n}` }]);
      await chat.message(`arrives ${n}`).waitFor();
      expect((await shift(chat.page)) - last).toBeLessThan(GOOD_SHIFT);
    }
    expect(await boxesOf(chat)).toEqual(boxes);
  });
});

/** Of everything around the messages. */
const boxesOf = (chat: ChatPage): Promise<unknown> =>
  Promise.all([chat.title, chat.composer, chat.log, chat.channels].map((each) => each.boundingBox()));

/** What Web Vitals calls good, and a fifth of it. */
const GOOD_SHIFT = 0.1;
const UNSEEN_SHIFT = 0.02;

async function countShifts(context: ReturnType<Page["context"]>): Promise<void> {
  await context.addInitScript(() => {
    globalThis.shifts = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries())
        if ("value" in entry && "hadRecentInput" in entry && entry.hadRecentInput !== true)
          globalThis.shifts += Number(entry.value);
    }).observe({ type: "layout-shift", buffered: true });
  });
}
