// That everybody can use the page: axe finds nothing serious or worse on any view, light, dark, wide or narrow.
import { beforeAll, expect, it } from "vitest";
import { graveFaults } from "./axe.ts";
import type { Rules } from "./axe.ts";
import type { ChatPage } from "./chat-page.ts";
import { openStage } from "./stage.ts";
import type { Stage, VisitOptions } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
  await stage.backend.channel("salon", { name: "Salon", owner: "ann" });
  await stage.backend.channel("quiet", { owner: "bo", kind: "password", password: "sesame" });
  await stage.backend.channel("stern", { owner: "bo" });
  await stage.backend.ask("PUT", "channels/stern/bans/ann", { reason: "rude" });
  const [first] = await stage.backend.say("salon", [
    { user: "bo", name: "Bo", body: "Who has seen **the heron**? https://example.org/heron `heron.jpg` :bird:" },
    { user: "chen", name: "Chen", body: "By the pond. @Ann might know more." },
    { user: "bo", name: "Bo", body: "x".repeat(5) + " a long one ".repeat(200) },
  ]);
  const id = first?.id ?? "";
  await stage.backend.say("salon", [{ user: "chen", name: "Chen", body: "I have", replyTo: id }]);
  const bo = await stage.cluster.client("bo");
  await bo.join("salon");
  await bo.change({ type: "react", channel: "salon", id, emoji: "👍", on: true });
  await bo.close();
});

const VIEWS: Readonly<Record<string, (chat: ChatPage) => Promise<unknown>>> = {
  "a conversation": async (chat) => {
    await chat.open("salon");
    await chat.write("What a bird");
    await chat.message("What a bird").last().waitFor();
    await chat.message("I have").hover();
  },
  "an empty channel": (chat) => chat.open("quiet-corner"),
  "a thread": async (chat) => {
    await chat.open("salon");
    await chat.act("Who has seen", "Open thread");
    await chat.aside("Thread").getByText("I have").waitFor();
  },
  "a search": async (chat) => {
    await chat.open("salon");
    await chat.button("Search").click();
    await chat.aside("Search").getByRole("searchbox").fill("heron");
    await chat.aside("Search").getByText("Who has seen").waitFor();
  },
  "the people": async (chat) => {
    await chat.open("salon");
    await chat.people.click();
    await chat.aside("People").getByText("Ann").first().waitFor();
  },
  "an answer and an edit that are written": async (chat) => {
    await chat.open("salon");
    await chat.act("By the pond", "Reply");
    await chat.button("Cancel reply").waitFor();
  },
  "the choice of emoji": async (chat) => {
    await chat.open("salon");
    await chat.button("Emoji").click();
  },
  "people to mention": async (chat) => {
    await chat.open("salon");
    await chat.composer.pressSequentially("@ch");
    await chat.page.getByRole("listbox", { name: "People" }).waitFor();
  },
  "the beginning": (chat) => chat.channels.waitFor(),
  "channels to browse": async (chat) => {
    await chat.button("Browse channels").click();
    await chat.page.getByRole("dialog").getByRole("link", { name: /Salon/ }).waitFor();
  },
  "a channel to make": (chat) => chat.button("New channel").click(),
  "one's own menu": (chat) => chat.button("You, Ann").click(),
  "a channel that asks for a password": async (chat) => {
    await chat.open("quiet");
    await chat.page.getByLabel("Password").waitFor();
  },
  "a channel that one is banned from": async (chat) => {
    await chat.open("stern");
    await chat.out.waitFor();
  },
};

const REFUSED = [/^console: Failed to load resource: the server responded with a status of 40[134]/];
interface Seen {
  readonly name: string;
  readonly context: NonNullable<VisitOptions["context"]>;
  readonly rules: Rules;
}
const WINDOWS: readonly Seen[] = [
  { name: "wide and light", context: { colorScheme: "light" }, rules: "all" },
  { name: "wide and dark", context: { colorScheme: "dark" }, rules: "color-contrast" },
  { name: "320 px wide", context: { viewport: { width: 320, height: 640 } }, rules: "all" },
];

it.each(WINDOWS.map((each) => [each.name, each] as const))(
  "axe finds nothing serious on any view of a window that is %s",
  async (_, { context, rules }) => {
    const faults: string[] = [];
    const look = async (view: string, chat: ChatPage): Promise<void> => {
      faults.push(...(await graveFaults(chat.page, rules)).map((fault) => `${view}: ${fault}`));
    };
    const stranger = await stage.stranger({ context });
    await stranger.name.waitFor();
    await look("the form to come in by", stranger);
    const chat = await stage.visit("ann", { context, expects: REFUSED });
    for (const [view, show] of Object.entries(VIEWS)) {
      // From the beginning, so that no view stands in the light of the last.
      await chat.page.goto(stage.address);
      await chat.page.reload();
      await chat.channels.waitFor({ state: "attached" });
      await show(chat);
      await look(view, chat);
    }
    expect(faults).toEqual([]);
  },
  180_000,
);
