// What helps to write and to find: people to mention, emoji, long texts, links, search among what is loaded.
import { beforeAll, describe, expect, it } from "vitest";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";
import { LOST_NETWORK } from "./witness.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

describe("the composer", () => {
  it("completes who is mentioned, by keys, and the one who is meant sees that", async () => {
    await stage.backend.channel("plan", { owner: "ann" });
    const bo = await stage.visit("bo", { at: "plan", edge: 1 });
    const ann = await stage.visit("ann", { at: "plan" });
    await ann.composer.pressSequentially("ask @b");
    await ann.page.getByRole("listbox", { name: "People" }).getByRole("option", { name: /Bo/ }).waitFor();
    await ann.composer.press("Enter");
    await expect.poll(() => ann.composer.inputValue()).toBe("ask @bo ");
    await ann.composer.pressSequentially("about it");
    await ann.composer.press("Enter");
    await bo.message("about it").waitFor();
    expect(await bo.message("about it").getAttribute("class")).toContain("is-to-me");
    await expect.poll(() => bo.channels.getByRole("link", { name: /plan/ }).count()).toBe(1);
  });

  it("completes emoji by shortcode, and sends them as such", async () => {
    await stage.backend.channel("smile", { owner: "ann" });
    const ann = await stage.visit("ann", { at: "smile" });
    await ann.composer.pressSequentially("good :thumbsu");
    await ann.page.getByRole("listbox", { name: "Emoji" }).getByRole("option").first().waitFor();
    await ann.composer.press("Tab");
    await expect.poll(() => ann.composer.inputValue()).toContain("👍");
    await ann.composer.press("Enter");
    await expect.poll(async () => (await ann.bodies()).join("")).toContain("👍");
  });

  it("writes several lines, and what is too long is told before it is sent", async () => {
    await stage.backend.channel("verse", { owner: "ann" });
    const ann = await stage.visit("ann", { at: "verse" });
    await ann.composer.pressSequentially("first");
    await ann.composer.press("Shift+Enter");
    await ann.composer.pressSequentially("second");
    await ann.composer.press("Enter");
    await expect.poll(ann.bodies).toEqual(["first\nsecond"]);
    await ann.composer.fill("x".repeat(20_000));
    await ann.composer.press("Enter");
    await ann.page
      .getByText(/too long|over the limit|characters/i)
      .first()
      .waitFor();
    expect(await ann.bodies()).toEqual(["first\nsecond"]);
  });

  it("keeps what was refused in sight, to be sent again or thrown away", async () => {
    await stage.backend.channel("strict", { owner: "olga" });
    const ann = await stage.visit("ann", { at: "strict", expects: LOST_NETWORK });
    await ann.write("welcome");
    await expect.poll(() => ann.stateOf("welcome")).toBe("saved");
    await ann.page.context().setOffline(true);
    for (const body of ["once more", "never mind"]) await ann.write(body);
    await stage.backend.ask("PUT", "channels/strict/mutes/ann", {});
    await ann.page.context().setOffline(false);
    for (const body of ["once more", "never mind"]) await expect.poll(() => ann.stateOf(body)).toBe("failed");
    await stage.backend.ask("DELETE", "channels/strict/mutes/ann");
    await ann.message("never mind").getByRole("button", { name: "Discard" }).click();
    await ann.message("once more").getByRole("button", { name: "Retry" }).click();
    await expect.poll(() => ann.stateOf("once more")).toBe("saved");
    expect(await ann.bodies()).toEqual(["welcome", "once more"]);
  });
});

describe("a long message", () => {
  it("is folded until somebody wants it all, and a link in it leads out safely", async () => {
    await stage.backend.channel("essay", { owner: "ann" });
    const body = `https://example.org/a ${"many words ".repeat(300)}the end`;
    await stage.backend.say("essay", [{ user: "bo", body }]);
    const ann = await stage.visit("ann", { at: "essay" });
    await ann.message("many words").waitFor();
    const height = async (): Promise<number> => (await ann.message("many words").boundingBox())?.height ?? 0;
    const folded = await height();
    await ann.button("Show more").click();
    await expect.poll(height).toBeGreaterThan(folded);
    await ann.button("Show less").click();
    await expect.poll(height).toBe(folded);
    const link = ann.log.getByRole("link", { name: "https://example.org/a" });
    expect(await link.getAttribute("target")).toBe("_blank");
    expect(await link.getAttribute("rel")).toContain("noopener");
  });
});

describe("the search", () => {
  it("finds what is loaded, says how many there are, and goes to the one that is chosen", async () => {
    await stage.backend.channel("archive", { owner: "ann" });
    await stage.backend.say("archive", [
      { user: "bo", body: "the needle" },
      ...Array.from({ length: 45 }, (_, n) => ({ user: `user-${n % 2}`, body: `hay ${n}` })),
    ]);
    const ann = await stage.visit("ann", { at: "archive" });
    await ann.message("the needle").waitFor();
    await ann.button("Jump to newest").click();
    await expect.poll(() => ann.sees("the needle")).toBe(false);
    await ann.button("Search").click();
    const search = ann.aside("Search");
    await search.getByRole("searchbox", { name: "Search messages" }).fill("NEEDLE");
    await search.getByText("the needle").click();
    await expect.poll(() => ann.sees("the needle")).toBe(true);
    await search.getByRole("searchbox").fill("nothing like it");
    await search
      .getByText(/^0 of 46 loaded/)
      .first()
      .waitFor();
    await ann.page.keyboard.press("Escape");
    await search.waitFor({ state: "detached" });
  });
});
