// The page as it is shown to whoever has not opened it: people who plan a book fair, on a cluster that runs. Pictures
// go to test-artifacts/, where they are looked at; `npm run screenshots` puts those of the README into docs/ as well.
import { copyFile, mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ChatClient } from "@rookery/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import type { Line, Published } from "./backend.ts";
import type { ChatPage } from "./chat-page.ts";
import { ARTIFACTS, openStage } from "./stage.ts";
import type { Stage, VisitOptions } from "./stage.ts";

const MOST_BYTES = 300 * 1024;
const WIDE = { width: 1280, height: 800 };
const NAMES = { ann: "Ann", bo: "Bo", chen: "Chen", dana: "Dana", eli: "Eli" } as const;
type User = keyof typeof NAMES;

const CHANNELS: Readonly<Record<string, string>> = {
  "book-fair": "Book fair",
  announcements: "Announcements",
  design: "Design",
  lobby: "Lobby",
};

const PLANS: readonly (readonly [User, string])[] = [
  ["chen", "Good news! The hall confirmed us: stand 14, right beside the café."],
  ["chen", "We can set up from 8:00, and the doors open at ten."],
  ["bo", "Excellent place. Everybody who wants coffee walks past us ☕"],
  ["dana", "I have the floor plan: https://example.org/fair/plan.pdf"],
  ["dana", "Two tables, one shelf, and one socket. So a single lamp, please."],
  ["eli", "The posters come from the printer on Thursday. Shall I order 200 bookmarks as well?"],
];

let stage: Stage;
let clients: Readonly<Record<string, ChatClient>>;

beforeAll(async () => {
  stage = await openStage();
  for (const [id, name] of Object.entries(CHANNELS)) await stage.backend.channel(id, { name, owner: "ann" });
  const users: readonly User[] = ["bo", "chen", "dana", "eli"];
  clients = Object.fromEntries(await Promise.all(users.map(async (user, n) => [user, await come(user, n % 2)])));
  const ann = await stage.cluster.client("ann", { token: () => stage.cluster.token("ann", { name: "Ann" }) });
  for (const channel of Object.keys(CHANNELS)) await ann.join(channel);
  const told = await say("book-fair", PLANS);
  const question = told.at(-1)?.id ?? "";
  await say("book-fair", [["chen", "200 is plenty, and the heron on the front?"]], question);
  await say("book-fair", [["bo", "The heron, always the heron 🪶"]], question);
  await say("book-fair", [["ann", "Yes please. I pay the printer on Friday."]], question);
  await say("book-fair", [["bo", "@ann do you bring the box of last year's prices?"]]);
  const [last] = await say("book-fair", [["ann", "Already in the car 🚗"]]);
  await ann.request({ type: "read", channel: "book-fair", epoch: last?.epoch ?? 0, seq: last?.seq ?? 0 });
  await react("bo", told[0], "🎉", "dana", "eli");
  await react("chen", told[2], "😂");
  await react("eli", told[4], "👍", "bo");
  const { id } = await stage.backend.ask<{ id: string }>("POST", "channels", {
    kind: "direct",
    owner: "ann",
    with: "chen",
  });
  await ann.join(id);
  await ann.close();
  await say(id, [["chen", "Do you have a minute after lunch?"]]);
  await say("announcements", [["chen", "The reading on Sunday starts at four."]]);
  await say("design", [
    ["dana", "Three drafts of the cover are in the folder."],
    ["dana", "Second one is my favourite."],
    ["eli", "@ann what do you think?"],
  ]);
});

async function come(user: User, edge: number): Promise<ChatClient> {
  const client = await stage.cluster.client(user, {
    edge,
    token: () => stage.cluster.token(user, { name: NAMES[user] }),
  });
  await client.join("book-fair");
  return client;
}

async function say(
  channel: string,
  lines: readonly (readonly [User, string])[],
  replyTo?: string,
): Promise<readonly Published[]> {
  const answer = replyTo === undefined ? {} : { replyTo };
  return stage.backend.say(
    channel,
    lines.map(([user, body]): Line => ({ user, name: NAMES[user], body, ...answer })),
  );
}

async function react(user: User, message: Published | undefined, emoji: string, ...others: User[]): Promise<void> {
  for (const each of [user, ...others])
    await clients[each]?.change({ type: "react", channel: "book-fair", id: message?.id ?? "", emoji, on: true });
}

type Take = (chat: ChatPage) => Promise<void>;

const settled: Take = async (chat) => {
  await chat.message("Already in the car").waitFor();
};
const withTypist: Take = async (chat) => {
  await settled(chat);
  // Who types on is told once: whoever came since has not heard of it.
  for (const on of [false, true]) await clients["dana"]?.request({ type: "typing", channel: "book-fair", on });
  await chat.page.getByText("Dana is typing").first().waitFor();
};
const withThread: Take = async (chat) => {
  await withTypist(chat);
  await chat.act("200 bookmarks", "Open thread");
  await chat.aside("Thread").getByText("I pay the printer").waitFor();
  await chat.composer.hover();
};

interface Picture {
  readonly name: string;
  readonly context: NonNullable<VisitOptions["context"]>;
  readonly take: Take;
  readonly isOfReadme: boolean;
}

const PICTURES: readonly Picture[] = [
  { name: "page", context: { viewport: WIDE, colorScheme: "light" }, take: withThread, isOfReadme: true },
  {
    name: "page-dark",
    context: { viewport: { width: 390, height: 780 }, colorScheme: "dark", deviceScaleFactor: 2 },
    take: withTypist,
    isOfReadme: true,
  },
  { name: "page-wide-dark", context: { viewport: WIDE, colorScheme: "dark" }, take: withThread, isOfReadme: false },
  { name: "page-320", context: { viewport: { width: 320, height: 640 } }, take: settled, isOfReadme: false },
];

describe("a picture of the page", () => {
  it.each(PICTURES.map((each) => [each.name, each] as const))(
    "%s is taken, and small enough to be shown in a README",
    async (name, { context, take, isOfReadme }) => {
      const chat = await stage.visit("ann", { at: "book-fair", context: { reducedMotion: "reduce", ...context } });
      await take(chat);
      await mkdir(ARTIFACTS, { recursive: true });
      const path = join(ARTIFACTS, `${name}.png`);
      await chat.page.screenshot({ path });
      expect((await stat(path)).size).toBeLessThan(MOST_BYTES);
      if (isOfReadme && process.env["SCREENSHOTS"] === "write") await copyFile(path, join("docs", `${name}.png`));
    },
  );
});
