import { defineConfig } from "vitest/config";

declare module "vitest" {
  export interface ProvidedContext {
    /** Every property of a `*.fuzz.test.ts` runs its own number of cases so many times over. */
    fuzzTimes: number;
  }
}

// Four sets. `pure` asks for no server, socket, process or real time, and stays under 5 s; `os` asks this machine for some of
// those, but for no server; `servers` runs against a real Redis and a real Postgres; `e2e` starts whole clusters of
// processes. The middle two run side by side, since the one mostly waits; two cores are all that any may count on. Beside
// these four, which `npm test` runs, `faults` takes longer over the same promises, `deploy` tries what operators get, the
// cluster on one machine and its servers among it, `browser` what people get, in Chromium, and `images` builds and runs the
// images: `npm run test:faults` and so on.
const resolve = { conditions: ["source"] };
const shared = { ssr: { resolve }, resolve };
const ends = (kind: string): string[] =>
  ["packages", "services", "lab", "tests"].map((folder) => `${folder}/**/*.${kind}.ts`);
const fuzzTimes = Number(process.env["TEST_FUZZ_TIMES"] ?? 1);
const NEVER = ["**/node_modules/**", "**/dist/**"];

export default defineConfig({
  test: {
    // Vitest would leave one of two cores to others.
    maxWorkers: 2,
    provide: { fuzzTimes },
    reporters: ["default", ["json", { outputFile: process.env["TEST_REPORT"] ?? "test-report.json" }]],
    projects: [
      {
        ...shared,
        test: {
          name: "pure",
          // They start in half the time of processes, and nothing here asks for a process of its own.
          pool: "threads",
          // Nothing here keeps state between files: sharing one worker saves the imports, which are most of the time.
          isolate: false,
          testTimeout: 5_000 * fuzzTimes,
          include: ends("test"),
          exclude: [
            ...["os", "redis", "pg", "e2e", "faults", "deploy", "images", "browser"].flatMap((kind) =>
              ends(`${kind}.test`),
            ),
            ...NEVER,
          ],
          sequence: { groupOrder: 0 },
        },
      },
      {
        ...shared,
        test: {
          name: "os",
          isolate: false,
          include: ends("os.test"),
          exclude: NEVER,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...shared,
        test: {
          name: "servers",
          globalSetup: ["packages/testkit/src/postgres-global.ts"],
          include: [...ends("redis.test"), ...ends("pg.test")],
          testTimeout: 30_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...shared,
        test: {
          name: "e2e",
          include: ends("e2e.test"),
          testTimeout: 120_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        ...shared,
        test: {
          name: "faults",
          globalSetup: ["packages/testkit/src/postgres-global.ts"],
          include: ends("faults.test"),
          testTimeout: 240_000,
          hookTimeout: 180_000,
          sequence: { groupOrder: 3 },
        },
      },
      {
        ...shared,
        test: {
          name: "deploy",
          include: ends("deploy.test"),
          testTimeout: 180_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 4 },
        },
      },
      {
        ...shared,
        test: {
          name: "browser",
          include: ends("browser.test"),
          testTimeout: 60_000,
          hookTimeout: 300_000,
          // A page shows what was asked of it a moment later, and the moment is longer on a busy machine.
          expect: { poll: { timeout: 15_000, interval: 50 } },
          sequence: { groupOrder: 6 },
        },
      },
      {
        ...shared,
        test: {
          name: "images",
          include: ends("images.test"),
          sequence: { groupOrder: 5 },
        },
      },
    ],
  },
});
