// Where the browser tests play: a cluster of processes that serves its own page, one browser a file, and a window of its own
// for everybody who comes. Called by every file of this folder. A window that closes judges what went wrong in it; what a
// failed test leaves is in test-artifacts/.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { startCluster } from "@rookery/testkit";
import type { Cluster, ClusterOptions } from "@rookery/testkit";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { backendOf } from "./backend.ts";
import type { Backend } from "./backend.ts";
import { afterAll, expect, onTestFinished } from "vitest";
import { chatPageOf } from "./chat-page.ts";
import type { ChatPage } from "./chat-page.ts";
import { openBrowser } from "./chromium.ts";
import { witnessOf } from "./witness.ts";

export const ARTIFACTS = "test-artifacts";
const WIDE = { width: 1280, height: 800 };
const ACTION_MS = 8_000;

export interface VisitOptions {
  /** As what is shown to others; made of the user unless given. */
  readonly name?: string;
  /** Whose address the page is given first; 0 unless given. */
  readonly edge?: number;
  /** Instead of the edges' own. */
  readonly urls?: readonly string[];
  /** Instead of a token of 15 minutes: what stands behind `#`. */
  readonly fragment?: string;
  /** The channel that is opened. */
  readonly at?: string;
  /** Lines that the test brings about. */
  readonly expects?: readonly RegExp[];
  readonly context?: BrowserContextOptions;
  /** Runs before anything of the page. */
  readonly before?: (context: BrowserContext) => Promise<void>;
}

export interface Stage {
  readonly cluster: Cluster;
  readonly address: string;
  readonly backend: Backend;
  /** A window in which nobody has signed in. */
  readonly stranger: (options?: VisitOptions) => Promise<ChatPage>;
  /** A window of somebody who is signed in. */
  readonly visit: (user: string, options?: VisitOptions) => Promise<ChatPage>;
  /** Another tab of the same browser and user. */
  readonly tabOf: (chat: ChatPage, at: string) => Promise<ChatPage>;
}

export async function openStage(options: ClusterOptions = {}): Promise<Stage> {
  const { browser, close } = await openBrowser();
  afterAll(close);
  const cluster = await startCluster({ edges: 2, ...options });
  const address = `${cluster.ready.api}/`;
  const stranger = async (visit: VisitOptions = {}): Promise<ChatPage> => {
    const page = await openWindow(browser, cluster, visit);
    await page.goto(address);
    return chatPageOf(page);
  };
  return {
    cluster,
    address,
    backend: backendOf(cluster),
    stranger,
    async visit(user, visit = {}) {
      const { name = `${user.slice(0, 1).toUpperCase()}${user.slice(1)}`, at } = visit;
      const page = await openWindow(browser, cluster, visit);
      const chat = chatPageOf(page);
      await page.goto(`${address}#${visit.fragment ?? `token=${cluster.token(user, { name })}`}`);
      await chat.channels.waitFor({ state: "attached" });
      if (at !== undefined) await chat.open(at);
      return chat;
    },
    async tabOf(chat, at) {
      const tab = chatPageOf(await chat.page.context().newPage());
      await tab.page.goto(address);
      await tab.channels.waitFor({ state: "attached" });
      await tab.open(at);
      return tab;
    },
  };
}

async function openWindow(browser: Browser, { ready }: Cluster, options: VisitOptions): Promise<Page> {
  const { urls = rotated(ready.ws, options.edge ?? 0), expects, before } = options;
  // A page that is told of other addresses than the cluster's may not speak to them by its own policy.
  const bypassCSP = options.urls !== undefined;
  const context = await browser.newContext({ viewport: WIDE, bypassCSP, ...options.context });
  context.setDefaultTimeout(ACTION_MS);
  const witness = await witnessOf(context, expects);
  context.on("page", witness.watch);
  if (urls !== ready.ws)
    await context.route("**/page.json", async (route) => {
      const answer: Record<string, unknown> = JSON.parse(await (await route.fetch()).text());
      await route.fulfill({ json: { ...answer, ws: urls } });
    });
  await before?.(context);
  endWithTest(context, witness.problems);
  return context.newPage();
}

function rotated<T>(list: readonly T[], by: number): readonly T[] {
  return by === 0 ? list : [...list.slice(by), ...list.slice(0, by)];
}

function endWithTest(context: BrowserContext, problems: () => readonly string[]): void {
  onTestFinished(async ({ task }) => {
    const isFailed = task.result?.state === "fail" || problems().length > 0;
    if (isFailed) await keepPictures(context, task.name);
    await context.close();
    expect(problems(), "what went wrong in the page").toEqual([]);
  });
}

async function keepPictures(context: BrowserContext, title: string): Promise<void> {
  await mkdir(ARTIFACTS, { recursive: true });
  const stem = title.replaceAll(/[^a-z0-9]+/gi, "-").slice(0, 80);
  const id = Math.random().toString(36).slice(2, 6);
  for (const [n, page] of context.pages().entries())
    await page.screenshot({ path: join(ARTIFACTS, `failed-${stem}-${id}-${n}.png`) });
}
