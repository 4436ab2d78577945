// What is chosen while one writes and reacts, and what is kept of it: emoji out of all there are, drafts, threads of more than a page.
import { beforeAll, describe, expect, it } from "vitest";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

describe("the choice of emoji", () => {
  it("puts what was found into the text by Enter, and sends nothing", async () => {
    await stage.backend.channel("choice", { owner: "ann" });
    const ann = await stage.visit("ann", { at: "choice" });
    await ann.composer.fill("well done ");
    await ann.button("Emoji").click();
    const search = ann.page.getByRole("searchbox", { name: "Search emoji" });
    await search.fill("tada");
    await ann.page.getByRole("group", { name: "Emoji" }).getByRole("button", { name: "🎉 tada" }).waitFor();
    await search.press("Enter");
    await expect.poll(() => ann.composer.inputValue()).toBe("well done 🎉");
    expect(await ann.bodies()).toEqual([]);
    await ann.button("Emoji").click();
    await ann.button("Recently used").waitFor();
    await ann.composer.click();
    await search.waitFor({ state: "detached" });
    expect(await ann.composer.evaluate((box) => box === document.activeElement)).toBe(true);
  });

  it("is there for a reaction too", async () => {
    await stage.backend.channel("rockets", { owner: "ann" });
    const bo = await stage.visit("bo", { at: "rockets", edge: 1 });
    const ann = await stage.visit("ann", { at: "rockets" });
    await ann.write("we have lift-off");
    await expect.poll(() => ann.stateOf("we have lift-off")).toBe("saved");
    await ann.act("we have lift-off", "React");
    await ann.button("More emoji").click();
    await ann.page.getByRole("searchbox", { name: "Search emoji" }).fill("rocket");
    await ann.button("🚀 rocket").click();
    await bo.message("we have lift-off").getByRole("button", { name: "🚀 1" }).waitFor();
  });
});

describe("a draft", () => {
  it("is there after a reload, and after another message was edited meanwhile", async () => {
    await stage.backend.channel("desk", { owner: "ann" });
    const ann = await stage.visit("ann", { at: "desk" });
    await ann.write("sent");
    await expect.poll(() => ann.stateOf("sent")).toBe("saved");
    await ann.composer.fill("half a thought");
    await ann.page.reload();
    await expect.poll(() => ann.composer.inputValue()).toBe("half a thought");
    await ann.act("sent", "Edit");
    await expect.poll(() => ann.composer.inputValue()).toBe("sent");
    await ann.composer.press("Escape");
    await expect.poll(() => ann.composer.inputValue()).toBe("half a thought");
  });
});

describe("a thread of more than a page", () => {
  it("opens at its newest reply, and brings the earlier ones when somebody asks", async () => {
    await stage.backend.channel("debate", { owner: "ann" });
    const [root] = await stage.backend.say("debate", [{ user: "bo", body: "the question" }]);
    const replyTo = root?.id ?? "";
    await stage.backend.say(
      "debate",
      Array.from({ length: 60 }, (_, n) => ({ user: "bo", body: `answer ${n}`, replyTo })),
    );
    const ann = await stage.visit("ann", { at: "debate" });
    await ann.act("answer 59", "Open thread");
    const thread = ann.aside("Thread");
    await expect.poll(() => thread.getByText("answer 59", { exact: true }).isVisible()).toBe(true);
    expect(await thread.getByText("answer 0", { exact: true }).count()).toBe(0);
    await thread.getByRole("button", { name: "Load earlier replies" }).click();
    await thread.getByText("answer 0", { exact: true }).waitFor();
    await thread.getByRole("button", { name: "Load earlier replies" }).waitFor({ state: "detached" });
    await ann.page.keyboard.press("Escape");
    await thread.waitFor({ state: "detached" });
  });
});
