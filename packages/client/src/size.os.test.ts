// Contract of the published package: small, on nothing but itself, and there for whoever installs it without this repository.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, readFile, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, describe, expect, it } from "vitest";

const MOST_GZIPPED_BYTES = 8_192;
const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "rookery-client-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** As somebody has it who installed it, beside nothing else. */
async function install(): Promise<string[]> {
  const { stdout } = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], {
    cwd: "packages/client",
  });
  const [packed]: { filename: string; files: { path: string }[] }[] = JSON.parse(stdout);
  const into = join(folder, "node_modules/@rookery/client");
  await mkdir(into, { recursive: true });
  await run("tar", ["-xzf", join(folder, packed?.filename ?? ""), "--strip-components=1", "-C", into]);
  return packed?.files.map(({ path }) => path) ?? [];
}

describe("the published client", () => {
  it("takes at most 8 KB gzipped, all of it but React's part", async () => {
    const { outputFiles } = await build({
      entryPoints: ["packages/client/src/index.ts"],
      conditions: ["source"],
      ...{ bundle: true, minify: true, format: "esm", target: "es2022", write: false },
    });
    expect(gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length).toBeLessThanOrEqual(MOST_GZIPPED_BYTES);
  });

  it("depends on nothing, is imported by Node as it is, and is typed by itself alone", async () => {
    const files = await install();
    const manifest: Record<string, unknown> = JSON.parse(
      await readFile(join(folder, "node_modules/@rookery/client/package.json"), "utf8"),
    );
    expect(manifest["dependencies"] ?? {}).toEqual({});
    expect(files).toEqual(
      expect.arrayContaining(["README.md", "LICENSE", "dist/index.js", "dist/react.js", "dist/index.d.ts"]),
    );
    for (const file of files.filter((each) => /\.(js|d\.ts)$/.test(each))) {
      const text = await readFile(join(folder, "node_modules/@rookery/client", file), "utf8");
      const foreign = [...text.matchAll(/\bfrom "([^."][^"]*)"/g)].map(([, name]) => name);
      expect(new Set(foreign), file).toEqual(new Set(file.startsWith("dist/react.") ? ["react"] : []));
    }
    const script = `import { connect, RookeryError } from "@rookery/client";
      try { connect({ url: "host", token: "t" }); } catch (error) { console.log(error.name, new RookeryError("x", "y").code); }`;
    const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script], { cwd: folder });
    expect(stdout.trim()).toBe("TypeError x");
    await symlink(resolve("node_modules/@types"), join(folder, "node_modules/@types"));
    await symlink(resolve("node_modules/react"), join(folder, "node_modules/react"));
    await symlink(resolve("node_modules/csstype"), join(folder, "node_modules/csstype"));
    writeFileSync(join(folder, "use.mts"), USE);
    const strict = ["--strict", "--noEmit", "--module", "nodenext", "--target", "es2022", "--types", "node"];
    await run(resolve("node_modules/.bin/tsc"), [...strict, "use.mts"], { cwd: folder });
  }, 60_000);
});

const USE = `
import { connect, RookeryError } from "@rookery/client";
import type { Message } from "@rookery/client";
import { useChannel } from "@rookery/client/react";
import WebSocket from "ws";
const client = connect({ url: "ws://host/ws", token: async () => "t", WebSocket });
const channel = client.channel("lobby", { after: { epoch: 0, seq: 0 } });
for await (const item of channel.messages()) {
  if (item.type === "gap") continue;
  const message: Message = item;
  await channel.send(message.body ?? "", { replyTo: message.id }).persisted;
}
export const code = (error: unknown): string => (error instanceof RookeryError ? error.code : "");
export const bodies = (): (string | undefined)[] => useChannel("lobby").state.messages.map(({ body }) => body);
`;
