// What goes wrong in a page while nobody looks: errors of scripts, of the console, of its content security policy. Called by
// stage.ts for every page of every test, which then fails. A test that brings a fault about says which lines it expects.
import type { BrowserContext, Page } from "playwright-core";

export interface Witness {
  readonly watch: (page: Page) => void;
  /** What was seen and not expected, a line each. */
  readonly problems: () => readonly string[];
}

/** What a browser writes by itself when a server or the network is away. */
export const LOST_NETWORK: readonly RegExp[] = [
  /^console: WebSocket connection to '[^']+' failed/,
  /^console: Failed to load resource: net::ERR_/,
];

export async function witnessOf(context: BrowserContext, expected: readonly RegExp[] = []): Promise<Witness> {
  const seen: string[] = [];
  const note = (line: string): void => {
    if (!expected.some((each) => each.test(line))) seen.push(line);
  };
  await context.addInitScript(() => {
    addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI, sample }) => {
      console.error(`policy: ${violatedDirective} forbids ${blockedURI} ${sample}`);
    });
  });
  return {
    watch: (page) => {
      page.on("console", (message) => {
        if (message.type() === "error") note(`console: ${message.text()} (${message.location().url})`);
      });
      page.on("pageerror", (error) => note(`error: ${error.stack ?? error.message}`));
      page.on("crash", () => note("the page crashed"));
    },
    problems: () => seen,
  };
}
