// Two people who talk through two edges, each in a browser, and what each sees of what the other does.
import { beforeAll, describe, expect, it } from "vitest";
import type { ChatPage } from "./chat-page.ts";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

/** Two windows on two edges in a channel of their own. */
async function two(channel: string): Promise<[ann: ChatPage, bo: ChatPage]> {
  await stage.backend.channel(channel, { owner: "ann" });
  const ann = await stage.visit("ann", { at: channel, edge: 0 });
  const bo = await stage.visit("bo", { at: channel, edge: 1 });
  return [ann, bo];
}

describe("two browsers on two edges", () => {
  it("show each message once, and in the same order", async () => {
    const [ann, bo] = await two("garden");
    for (const n of [1, 2, 3]) {
      await ann.write(`ann says ${n}`);
      await bo.write(`bo says ${n}`);
    }
    const said = [1, 2, 3].flatMap((n) => [`ann says ${n}`, `bo says ${n}`]);
    for (const each of [ann, bo])
      await expect.poll(async () => (await each.bodies()).toSorted()).toEqual(said.toSorted());
    await expect.poll(ann.settled).toEqual(await bo.settled());
    const seqs = (await ann.shown()).map(({ seq }) => seq);
    expect(seqs).toEqual([1, 2, 3, 4, 5, 6]);
    const edges = await Promise.all(["edge-1", "edge-2"].map((edge) => stage.cluster.metrics(edge)));
    expect(edges.map((edge) => edge.get("rookery_edge_connections"))).toEqual([1, 1]);
  });

  it("tell of one's own message that it is on its way, then accepted, then stored, and never take a step back", async () => {
    const [ann, bo] = await two("ticks");
    const states = await ann.recordStates();
    await ann.write("is it there");
    await expect.poll(() => ann.stateOf("is it there")).toBe("saved");
    expect(await states()).toEqual(["sending", "sent", "saved"]);
    await expect.poll(() => bo.stateOf("is it there")).toBeUndefined();
  });

  it("show an edit, a reaction and a deletion of the one in the other's, where the message stands", async () => {
    const [ann, bo] = await two("changes");
    await ann.write("tea at fuor");
    await bo.message("tea at fuor").waitFor();
    await ann.act("tea at fuor", "Edit");
    await expect.poll(() => ann.composer.inputValue()).toBe("tea at fuor");
    await ann.write("tea at four");
    await bo.message("tea at four").waitFor();
    await bo.react("tea at four", "👍");
    await ann.message("tea at four").getByRole("button", { name: "👍 1", exact: true }).waitFor();
    await bo.message("tea at four").getByRole("button", { name: "👍 1, you reacted" }).click();
    await ann.message("tea at four").getByRole("button", { name: /^👍/ }).waitFor({ state: "detached" });
    await ann.act("tea at four", "Delete");
    await ann.confirmDelete();
    await bo.message("tea at four").waitFor({ state: "detached" });
    await expect.poll(async () => (await bo.shown()).map(({ seq }) => seq)).toEqual([1]);
  });

  it("show an answer with what it answers, and a thread beside the channel, live", async () => {
    const [ann, bo] = await two("threads");
    await ann.write("who brings cake");
    await bo.message("who brings cake").waitFor();
    await bo.act("who brings cake", "Reply");
    await bo.write("I do");
    await ann.message("I do").getByText("who brings cake").waitFor();
    await ann.act("who brings cake", "Open thread");
    const thread = ann.aside("Thread");
    await expect.poll(() => thread.getByText("I do").count()).toBe(1);
    await thread.getByRole("textbox", { name: "Reply in thread" }).fill("splendid");
    await thread.getByRole("textbox", { name: "Reply in thread" }).press("Enter");
    await bo.message("splendid").waitFor();
    await bo.act("who brings cake", "Reply");
    await bo.write("with cherries");
    await thread.getByText("with cherries").waitFor();
    await thread.getByRole("button", { name: "Close" }).click();
    await thread.waitFor({ state: "detached" });
  });

  it("draw no line above what was read as it came, in a channel that was empty too", async () => {
    const [ann, bo] = await two("fresh");
    await bo.write("the first word");
    await ann.message("the first word").waitFor();
    await ann.write("and the second");
    await bo.message("and the second").waitFor();
    for (const each of [ann, bo]) expect(await each.page.getByText("New messages").count()).toBe(0);
  });

  it("tell who types, and who is there", async () => {
    const [ann, bo] = await two("presence");
    await bo.composer.pressSequentially("hm");
    await expect.poll(() => ann.page.getByText("Bo is typing").count()).toBe(1);
    await ann.people.click();
    await ann.aside("People").getByText("Bo", { exact: true }).waitFor();
    await bo.page.context().close();
    await ann.aside("People").getByText("Bo", { exact: true }).waitFor({ state: "detached" });
  });
});
