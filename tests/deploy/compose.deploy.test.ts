// docker-compose.yml as compose itself reads it, profiles included.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readCompose } from "./compose-file.ts";
import { goTool } from "./tools.ts";

interface Loaded {
  readonly services: Readonly<Record<string, { readonly environment?: Readonly<Record<string, string | number>> }>>;
}

const loader = goTool("cmd", "github.com/compose-spec/compose-go/v2/cmd@v2.16.2");
const folder = mkdtempSync(join(tmpdir(), "rookery-compose-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// Nothing of whoever runs this may fill in a variable.
const load = (file: string) =>
  spawnSync(loader ?? "", ["-format", "json", file], { encoding: "utf8", env: { PATH: process.env["PATH"] } });

const loaded = (): Loaded => {
  const { status, stdout, stderr } = load("docker-compose.yml");
  expect(stderr).toBe("");
  expect(status).toBe(0);
  return JSON.parse(stdout);
};

describe.skipIf(loader === undefined)("compose's own loader", () => {
  it("takes docker-compose.yml, and finds in it what the other tests read of it", () => {
    const { services } = loaded();
    for (const [name, { environment = {} }] of Object.entries(readCompose().services)) {
      const told = Object.entries(services[name]?.environment ?? {}).map(([key, value]) => [key, String(value)]);
      expect(Object.fromEntries(told), name).toEqual(
        Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, String(value)])),
      );
    }
  });

  it("refuses what is no compose file, so that it would say so of ours", () => {
    const file = join(folder, "compose.yml");
    writeFileSync(file, "services: { edge: { image: a, stop_grace_perod: 45s } }\n");
    expect(load(file).status).not.toBe(0);
    writeFileSync(
      file,
      "services: { edge: { image: a, depends_on: { b: { condition: healthy } } }, b: { image: c } }\n",
    );
    expect(load(file).status).not.toBe(0);
  });
});
