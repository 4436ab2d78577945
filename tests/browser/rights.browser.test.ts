// What one may do in a channel, and how the page says that one may not: bans, mutes, passwords, private channels, two alone.
import { beforeAll, describe, expect, it } from "vitest";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

/** The api refuses, and the browser writes each refusal down. */
const REFUSED = [/^console: Failed to load resource: the server responded with a status of 40[134]/];

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

describe("a ban", () => {
  it("while somebody types is told there and then, takes the composer away, and is over when it is taken back", async () => {
    await stage.backend.channel("stern");
    const bo = await stage.visit("bo", { at: "stern", expects: REFUSED });
    const ann = await stage.visit("ann", { at: "stern", edge: 1 });
    await ann.write("be civil");
    await bo.message("be civil").waitFor();
    await bo.composer.pressSequentially("no, I w");
    await stage.backend.ask("PUT", "channels/stern/bans/bo", { reason: "rude" });
    await expect.poll(() => bo.out.textContent()).toContain("You were banned from this channel");
    await expect.poll(() => bo.composer.count()).toBe(0);
    expect(await bo.button("Send").count()).toBe(0);
    await ann.write("he is gone");
    await ann.message("he is gone").waitFor();
    expect(await bo.bodies()).not.toContain("he is gone");
    await stage.backend.ask("DELETE", "channels/stern/bans/bo");
    await bo.button("Try again").click();
    await bo.message("he is gone").waitFor();
    expect(await bo.composer.inputValue()).toBe("no, I w");
  });

  it("leaves a channel behind that can be taken off the list", async () => {
    await stage.backend.channel("gone", { members: ["bo"] });
    await stage.backend.ask("PUT", "channels/gone/bans/bo", {});
    const bo = await stage.visit("bo", { at: "gone", expects: REFUSED });
    await bo.out.waitFor();
    await bo.button("Take it off the list").click();
    await expect.poll(() => bo.channels.getByRole("link", { name: "gone" }).count()).toBe(0);
    expect(bo.page.url()).toMatch(/#\/$/);
  });

  it("everywhere closes the connection, and the page says so", async () => {
    const eve = await stage.visit("eve", { expects: [...REFUSED, /WebSocket connection/] });
    await stage.backend.ask("PUT", "users/eve/ban", { reason: "spam" });
    await expect.poll(() => eve.banner.textContent()).toContain("You are banned");
  });
});

describe("somebody who is muted", () => {
  it("reads on and cannot write, and is told", async () => {
    await stage.backend.channel("hushed");
    const bo = await stage.visit("bo", { at: "hushed" });
    await bo.composer.fill("one thing more");
    await stage.backend.ask("PUT", "channels/hushed/mutes/bo", { forSec: 3600 });
    await bo.page.getByText(/muted/i).first().waitFor();
    await stage.backend.say("hushed", [{ user: "ann", body: "quiet now" }]);
    await bo.message("quiet now").waitFor();
    await expect
      .poll(() =>
        bo
          .button("Send")
          .isEnabled()
          .catch(() => false),
      )
      .toBe(false);
  });
});

describe("a channel", () => {
  it("with a password lets in whoever knows it, and tells who does not that it was wrong", async () => {
    await stage.backend.channel("vault", { kind: "password", password: "sesame" });
    const bo = await stage.visit("bo", { at: "vault", expects: REFUSED });
    const password = bo.page.getByLabel("Password");
    await password.fill("guess");
    await bo.comeIn.click();
    await expect.poll(() => bo.out.textContent()).toContain("not the password");
    await password.fill("sesame");
    await bo.comeIn.click();
    await bo.write("inside");
    await expect.poll(() => bo.stateOf("inside")).toBe("saved");
  });

  it("that is private is as if it were not there, until one is made a member", async () => {
    await stage.backend.channel("board", { kind: "private", owner: "ann" });
    const bo = await stage.visit("bo", { at: "board", expects: REFUSED });
    await expect.poll(() => bo.out.textContent()).toContain("no such channel");
    await stage.backend.ask("PUT", "channels/board/members/bo", { role: "member" });
    await bo.button("Try again").click();
    await bo.write("thank you");
    await expect.poll(() => bo.stateOf("thank you")).toBe("saved");
  });

  it("is made by who wants one, found by who looks for it, and left by who has enough", async () => {
    const ann = await stage.visit("ann");
    await ann.button("New channel").click();
    await ann.page.getByLabel("Name", { exact: true }).fill("Book club");
    await ann.button("Create").click();
    await expect.poll(() => ann.title.textContent()).toBe("Book club");
    await ann.write("first chapter");
    const bo = await stage.visit("bo", { edge: 1 });
    await bo.button("Browse channels").click();
    await bo.page.getByLabel("Find a channel").fill("book");
    await bo.page
      .getByRole("dialog")
      .getByRole("link", { name: /Book club/ })
      .click();
    await bo.message("first chapter").waitFor();
    await bo.button("Leave channel").click();
    await expect.poll(() => bo.channels.getByRole("link", { name: /Book club/ }).count()).toBe(0);
  });

  it("of two is opened from the list of people, and is theirs alone", async () => {
    await stage.backend.channel("hall");
    const [ann, bo] = [await stage.visit("ann", { at: "hall" }), await stage.visit("bo", { at: "hall", edge: 1 })];
    await ann.people.click();
    await ann.aside("People").getByRole("button", { name: /Bo/ }).click();
    await expect.poll(() => ann.title.textContent()).toBe("Bo");
    await ann.write("between us");
    await bo.lookAgain();
    await bo.channels.getByRole("link", { name: /^Ann/ }).click();
    await bo.message("between us").waitFor();
    await bo.write("indeed");
    await ann.message("indeed").waitFor();
  });
});
