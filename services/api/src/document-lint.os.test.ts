// Contract with those who feed the documents to programs: a linter of theirs finds nothing to say.
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { fakeServer } from "./fake-server.fixture.ts";

const LINTER = "node_modules/.bin/redocly";
const LINT_WITHIN_MS = 60_000;
const run = promisify(execFile);
let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rookery-documents-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function lint(text: string, name: string): Promise<{ readonly code: number; readonly says: string }> {
  const file = join(folder, name);
  await writeFile(file, text);
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  const linting = run(LINTER, ["lint", "--format", "json", "--config", "redocly.yaml", file], { env });
  return linting.then(
    ({ stdout }) => ({ code: 0, says: stdout }),
    (error: { code?: number; stdout?: string }) => ({ code: error.code ?? -1, says: error.stdout ?? "" }),
  );
}

const problemsIn = (says: string): unknown => JSON.parse(says.slice(says.indexOf("{"))).problems;

it.each([
  ["OpenAPI", "/v1/openapi.json"],
  ["AsyncAPI", "/v1/asyncapi.json"],
])(
  "%s is what its linter takes without a word",
  async (_what, url) => {
    const { ask } = await fakeServer();
    const { code, says } = await lint((await ask("GET", url, { as: null })).text, url.replaceAll("/", "-"));
    expect(problemsIn(says)).toEqual([]);
    expect(code).toBe(0);
  },
  LINT_WITHIN_MS,
);

it(
  "and the linter does find what is wrong",
  async () => {
    const broken = {
      openapi: "3.1.0",
      info: { title: "t", version: "1" },
      paths: { "/a": { get: { responses: {} } } },
    };
    const { code, says } = await lint(JSON.stringify(broken), "broken.json");
    expect([code === 0, problemsIn(says)]).not.toEqual([true, []]);
  },
  LINT_WITHIN_MS,
);
