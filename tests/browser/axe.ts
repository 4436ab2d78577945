// What axe finds wrong with a page as it stands: only what is serious or worse. Called by the browser tests.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults, RunOptions } from "axe-core";
import type { Page } from "playwright-core";

declare global {
  /** In a page that was given it. */
  var axe: { readonly run: (options: RunOptions) => Promise<AxeResults> };
}

/** Where nothing but the colours is another, nothing else has to be looked at again. */
export type Rules = "all" | "color-contrast";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const GRAVE: ReadonlySet<unknown> = new Set(["serious", "critical"]);

/** A line each: the rule, where, and what axe says of it. */
export async function graveFaults(page: Page, rules: Rules = "all"): Promise<readonly string[]> {
  // By the debugger and not by an element, which the page's policy forbids.
  await page.evaluate(source);
  // Colours that are on their way to others are neither.
  await page.evaluate(() => Promise.all(document.getAnimations().map((each) => each.finished.catch(() => undefined))));
  const { violations } = await page.evaluate(
    (runOnly) => globalThis.axe.run({ resultTypes: ["violations"], ...(runOnly === undefined ? {} : { runOnly }) }),
    rules === "all" ? undefined : [rules],
  );
  return violations
    .filter(({ impact }) => GRAVE.has(impact))
    .flatMap(({ id, nodes }) =>
      nodes.map(
        ({ target, failureSummary = "" }) => `${id} ${target.join(" ")}: ${failureSummary.replaceAll(/\s+/g, " ")}`,
      ),
    );
}
