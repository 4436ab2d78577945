// What a first visit to the page costs, by the line: all that index.html names, as it is sent to a browser of today.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import { expect, it, onTestFinished } from "vitest";

/** 43 KB at first; a page that is there in a second on a slow telephone's line has room for half as much again. */
const MOST_GZIPPED_BYTES = 60_000;

it("the page takes at most 60 KB gzipped until one can write in it", async () => {
  const outDir = mkdtempSync(join(tmpdir(), "rookery-page-"));
  onTestFinished(() => rmSync(outDir, { recursive: true }));
  await build({ root: "packages/web", logLevel: "error", build: { outDir, emptyOutDir: true } });
  const html = readFileSync(join(outDir, "index.html"), "utf8");
  const named = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map(([, file = ""]) => file);
  expect(named.some((file) => file.endsWith(".js")) && named.some((file) => file.endsWith(".css"))).toBe(true);
  const sizes = ["index.html", ...named].map((file) => gzipSync(readFileSync(join(outDir, file)), { level: 9 }).length);
  expect(sizes.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(MOST_GZIPPED_BYTES);
  // Nothing that only some want is among it.
  expect(named.filter((file) => file.includes("gemoji"))).toEqual([]);
}, 60_000);
