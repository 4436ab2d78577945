// What a page keeps for whoever comes back, and how it tells what is new: places, drafts, unread marks, notifications, search.
import { beforeAll, describe, expect, it } from "vitest";
import type { ChatPage } from "./chat-page.ts";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

declare global {
  /** In a page that notifies nobody but this. */
  var notified: string[];
}

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

const lines = (count: number, user = "bo"): { user: string; body: string }[] =>
  Array.from({ length: count }, (_, n) => ({ user, body: `line ${n}` }));

const linkOf = (chat: ChatPage, name: RegExp) => chat.channels.getByRole("link", { name });

describe("a page that is loaded again", () => {
  it("shows the channel that it showed, and what was begun to be written in each", async () => {
    for (const channel of ["oak", "elm"]) await stage.backend.channel(channel, { owner: "ann" });
    const ann = await stage.visit("ann", { at: "oak" });
    await ann.composer.fill("half a thought");
    await ann.open("elm");
    await expect.poll(() => ann.composer.inputValue()).toBe("");
    await ann.composer.fill("another");
    await ann.page.reload();
    await expect.poll(() => ann.title.textContent()).toBe("elm");
    await expect.poll(() => ann.composer.inputValue()).toBe("another");
    await ann.open("oak");
    await expect.poll(() => ann.composer.inputValue()).toBe("half a thought");
    await ann.composer.press("Enter");
    await expect.poll(() => ann.stateOf("half a thought")).toBe("saved");
    await ann.page.reload();
    await ann.message("half a thought").waitFor();
    expect(await ann.composer.inputValue()).toBe("");
  });
});

describe("a channel that is scrolled", () => {
  it("stays where it is read while messages come, and says that there are newer ones", async () => {
    await stage.backend.channel("river", { owner: "ann" });
    await stage.backend.say("river", lines(80));
    const ann = await stage.visit("ann", { at: "river" });
    await expect.poll(() => ann.sees("line 79")).toBe(true);
    await ann.log.hover();
    await ann.page.mouse.wheel(0, -900);
    await expect.poll(() => ann.sees("line 79")).toBe(false);
    const before = await firstSeen(ann);
    await stage.backend.say("river", [{ user: "bo", body: "newest of all" }]);
    await ann.button("Jump to newest").waitFor();
    expect(await firstSeen(ann)).toEqual(before);
    await ann.button("Jump to newest").click();
    await expect.poll(() => ann.sees("newest of all")).toBe(true);
    await expect.poll(() => ann.button("Jump to newest").count()).toBe(0);
  });
});

/** The first message on the screen, and where its upper edge is. */
const firstSeen = (chat: ChatPage): Promise<{ id: string | null; top: number }> =>
  chat.log.evaluate((log) => {
    const { top } = log.getBoundingClientRect();
    const seen = [...log.querySelectorAll("article[data-message]")].find(
      (each) => each.getBoundingClientRect().top >= top,
    );
    return {
      id: seen?.getAttribute("data-message") ?? null,
      top: Math.round((seen?.getBoundingClientRect().top ?? 0) - top),
    };
  });

describe("what is unread", () => {
  it("is counted beside the channel, opened at, and read once it was seen", async () => {
    for (const channel of ["news", "desk"]) await stage.backend.channel(channel, { owner: "ann" });
    await stage.backend.say("news", [{ user: "bo", body: "old news" }]);
    const ann = await stage.visit("ann", { at: "news" });
    await ann.message("old news").waitFor();
    await expect.poll(() => linkOf(ann, /^news$/).count()).toBe(1);
    await ann.open("desk");
    await stage.backend.say("news", [...lines(60), { user: "bo", body: "the last, for @ann" }]);
    await linkOf(ann, /^news, 61 unread, 1 mention/).click();
    await expect.poll(() => ann.sees("line 0")).toBe(true);
    await ann.log.getByText("New messages").waitFor();
    await ann.button("Jump to newest").click();
    await expect.poll(() => linkOf(ann, /^news$/).count()).toBe(1);
  });

  it("that came while nobody looked is jumped back to from the newest", async () => {
    await stage.backend.channel("watch", { owner: "ann" });
    const ann = await stage.visit("ann", { at: "watch" });
    await ann.write("back in a minute");
    await expect.poll(() => ann.stateOf("back in a minute")).toBe("saved");
    await ann.hide();
    await stage.backend.say("watch", lines(60));
    await linkOf(ann, /^watch, 60 unread/).waitFor();
    await ann.lookAgain();
    await ann.button("Jump to first unread").click();
    await expect.poll(() => ann.sees("line 0")).toBe(true);
    await expect.poll(() => ann.button("Jump to first unread").count()).toBe(0);
  });

  it("is read in every window of the same user", async () => {
    for (const channel of ["mail", "shelf"]) await stage.backend.channel(channel, { owner: "ann" });
    const one = await stage.visit("ann", { at: "mail" });
    await one.open("shelf");
    const two = await stage.tabOf(one, "shelf");
    await stage.backend.say("mail", lines(3));
    for (const each of [one, two]) await linkOf(each, /^mail, 3 unread/).waitFor();
    await linkOf(one, /^mail/).click();
    await expect.poll(() => linkOf(one, /^mail$/).count()).toBe(1);
    await expect.poll(() => linkOf(two, /^mail$/).count()).toBe(1);
  });
});

describe("somebody who looks elsewhere", () => {
  it("is notified of a mention once, where that was asked for, and not of everything that is said", async () => {
    await stage.backend.channel("yard", { owner: "ann" });
    const ann = await stage.visit("ann", { at: "yard", before: pretendNotifications });
    await ann.button("You, Ann").click();
    await ann.page.getByRole("checkbox", { name: /^Notify me/ }).check();
    await ann.page.keyboard.press("Escape");
    await ann.hide();
    await stage.backend.say("yard", [
      { user: "bo", name: "Bo", body: "just talk" },
      { user: "bo", name: "Bo", body: "@ann look at this" },
    ]);
    await ann.message("look at this").waitFor({ state: "attached" });
    const told = (): Promise<readonly string[]> => ann.page.evaluate(() => globalThis.notified);
    await expect.poll(async () => (await told()).length).toBe(1);
    expect((await told())[0]).toContain("look at this");
  });
});

async function pretendNotifications(context: ReturnType<ChatPage["page"]["context"]>): Promise<void> {
  await context.addInitScript(() => {
    globalThis.notified = [];
    class Pretended extends EventTarget {
      static readonly permission = "granted";
      static readonly requestPermission = (): Promise<string> => Promise.resolve("granted");
      constructor(title: string, { body = "" }: NotificationOptions = {}) {
        super();
        globalThis.notified.push(`${title}\n${body}`);
      }
      close(): void {
        this.dispatchEvent(new Event("close"));
      }
    }
    Object.assign(globalThis, { Notification: Pretended });
  });
}
