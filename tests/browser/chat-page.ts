// The chat page as somebody uses it: by the names that a screen reader says, and by nothing of how it is built. Called by the
// browser tests. Judges nothing: it finds, acts and reads.
import type { Locator, Page } from "playwright-core";

/** What is read of one's own message, and what it stands for. */
const STATES = { Sending: "sending", Sent: "sent", "Sent and saved": "saved", "Not sent": "failed" } as const;
type State = (typeof STATES)[keyof typeof STATES];

/** A message as it stands in the document. */
export interface Shown {
  /** Absent while it has no position. */
  readonly id?: string;
  readonly seq?: number;
  readonly body: string;
  /** Of one's own. */
  readonly state?: State;
}

export interface ChatPage {
  readonly page: Page;
  readonly name: Locator;
  readonly comeIn: Locator;
  /** The navigation. */
  readonly channels: Locator;
  readonly banner: Locator;
  readonly out: Locator;
  readonly title: Locator;
  readonly log: Locator;
  readonly composer: Locator;
  /** Which shows who is in the channel. */
  readonly people: Locator;
  readonly signIn: (name: string) => Promise<void>;
  /** As by a link. */
  readonly open: (channel: string) => Promise<void>;
  readonly write: (body: string) => Promise<void>;
  /** Those that stand in the document, as they stand there. */
  readonly shown: () => Promise<readonly Shown[]>;
  readonly bodies: () => Promise<readonly string[]>;
  /** Those that have a position. */
  readonly settled: () => Promise<readonly Shown[]>;
  readonly stateOf: (body: string) => Promise<State | undefined>;
  /** From now on: answers the states in which messages of one's own were seen since, each once in a row. */
  readonly recordStates: () => Promise<() => Promise<readonly string[]>>;
  /** From now on: what the banner has said since, each once in a row. */
  readonly recordBanner: () => Promise<() => Promise<readonly string[]>>;
  readonly message: (body: string) => Locator;
  /** Whether all of a message's text is on the screen, and not only in the document. */
  readonly sees: (body: string) => Promise<boolean>;
  /** Presses a button of a message, as a hand with a mouse does. */
  readonly act: (body: string, button: string) => Promise<void>;
  readonly react: (body: string, emoji: string) => Promise<void>;
  readonly confirmDelete: () => Promise<void>;
  readonly button: (name: string) => Locator;
  readonly aside: (name: string) => Locator;
  /** As when somebody comes back to this window. */
  readonly lookAgain: () => Promise<void>;
  /** As when somebody looks at another window. */
  readonly hide: () => Promise<void>;
}

export function chatPageOf(page: Page): ChatPage {
  const button = (name: string): Locator => page.getByRole("button", { name, exact: true });
  const log = page.getByRole("log", { name: "Messages" });
  const composer = page.getByRole("textbox", { name: "Message", exact: true });
  const name = page.getByRole("textbox", { name: "Your name" });
  const banner = page.locator(".banner[role=status]");
  const title = page.getByRole("heading", { level: 1 });
  const shown = (): Promise<readonly Shown[]> => log.locator("article").evaluateAll(readMessages, STATES);
  const message = (body: string): Locator =>
    log.locator("article").filter({ has: page.locator(".message-body", { hasText: body }) });
  const act: ChatPage["act"] = async (body, what) => {
    // From elsewhere, so that the mouse comes in even where it was.
    await title.hover();
    await message(body).hover();
    await message(body).getByRole("button", { name: what, exact: true }).click();
  };
  return {
    ...{ act, banner, page, name, log, composer, title, button, shown, message },
    comeIn: button("Come in"),
    people: page.getByRole("button", { name: /^People/ }),
    channels: page.getByRole("navigation", { name: "Channels" }),
    out: page.getByRole("alert"),
    async signIn(as) {
      await name.fill(as);
      await button("Come in").click();
    },
    async open(channel) {
      await page.evaluate((id) => {
        location.hash = `#/c/${encodeURIComponent(id)}`;
      }, channel);
      await log.waitFor({ state: "attached" });
    },
    async write(body) {
      await composer.fill(body);
      await composer.press("Enter");
    },
    bodies: async () => (await shown()).map(({ body }) => body),
    stateOf: async (body) => (await shown()).find((each) => each.body === body)?.state,
    settled: async () =>
      (await shown()).filter(({ seq }) => seq !== undefined).map(({ id = "", body }) => ({ id, body })),
    async recordStates() {
      await log.evaluate(recordStates, STATES);
      return async () => JSON.parse((await log.getAttribute("data-states")) ?? "[]");
    },
    sees: (body) => log.evaluate(isOnScreen, body),
    async recordBanner() {
      await banner.evaluate(recordText);
      return async () => JSON.parse((await banner.getAttribute("data-texts")) ?? "[]");
    },
    lookAgain: () => page.evaluate(setLookedAt, true),
    hide: () => page.evaluate(setLookedAt, false),
    async react(body, emoji) {
      await act(body, "React");
      await page.getByRole("button", { name: emoji, exact: true }).click();
    },
    confirmDelete: () =>
      page.getByRole("group", { name: "Delete this message?" }).getByRole("button", { name: "Yes" }).click(),
    aside: (called) => page.getByRole("complementary", { name: called }),
  };
}

/** In the page. */
function readMessages(articles: readonly Element[], states: Readonly<Record<string, State>>): Shown[] {
  return articles.map((article) => {
    const id = article.getAttribute("data-message");
    const seq = article.getAttribute("data-seq");
    const state = states[article.querySelector(".message-state")?.textContent ?? ""];
    return {
      ...(id === null ? {} : { id }),
      ...(seq === null ? {} : { seq: Number(seq) }),
      body: article.querySelector(".message-body")?.textContent ?? "",
      ...(state === undefined ? {} : { state }),
    };
  });
}

/** In the page. */
function isOnScreen(log: Element, body: string): boolean {
  const found = [...log.querySelectorAll(".message-body")].find(({ textContent }) => textContent === body);
  const [box, frame] = [found?.getBoundingClientRect(), log.getBoundingClientRect()];
  return box !== undefined && box.top >= frame.top - 1 && box.bottom <= frame.bottom + 1;
}

/** In the page. What stands for a moment is seen too: by the document's own tale of its changes. */
function recordStates(log: Element, words: Readonly<Record<string, State>>): void {
  const states: State[] = [];
  const look = (): void => {
    for (const each of log.querySelectorAll(".message-state")) {
      const state = words[each.textContent];
      if (state !== undefined && state !== states.at(-1)) states.push(state);
    }
    if (log.getAttribute("data-states") !== JSON.stringify(states))
      log.setAttribute("data-states", JSON.stringify(states));
  };
  new MutationObserver(look).observe(log, { subtree: true, childList: true, characterData: true });
  look();
}

/** In the page. */
function recordText(element: Element): void {
  const texts: string[] = [];
  new MutationObserver(() => {
    const text = element.textContent;
    if (text === "" || text === texts.at(-1)) return;
    texts.push(text);
    element.setAttribute("data-texts", JSON.stringify(texts));
  }).observe(element, { subtree: true, childList: true, characterData: true });
}

/** In the page, since a headless window is never behind another. */
function setLookedAt(isSeen: boolean): void {
  Object.defineProperty(document, "hidden", { value: !isSeen, configurable: true });
  Object.defineProperty(document, "visibilityState", { value: isSeen ? "visible" : "hidden", configurable: true });
  document.hasFocus = () => isSeen;
  document.dispatchEvent(new Event("visibilitychange"));
  dispatchEvent(new Event(isSeen ? "focus" : "blur"));
}
