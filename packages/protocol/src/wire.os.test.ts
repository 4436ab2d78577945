// Contract of the light entry: small, without the schema library, and there for whoever imports it as a stranger would.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { createDecoder } from "./decode.ts";
import { ERRORS } from "./errors.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import { encodeClientFrame } from "./wire.ts";

const MOST_GZIPPED_BYTES = 2_048;
const run = promisify(execFile);

describe("the light entry", () => {
  it("takes at most 2 KB gzipped, all of it, and none of the schema library", async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: ["packages/protocol/src/wire.ts"],
      conditions: ["source"],
      ...{ bundle: true, minify: true, format: "esm", write: false, metafile: true },
    });
    const [bundle] = outputFiles;
    expect(gzipSync(bundle?.contents ?? "", { level: 9 }).length).toBeLessThanOrEqual(MOST_GZIPPED_BYTES);
    const files = Object.keys(metafile.inputs);
    expect(files).toContain("packages/protocol/src/errors.ts");
    expect(files.filter((file) => file.includes("typebox") || /(decode|fields|schema)/.test(file))).toEqual([]);
  });

  it("writes frames just as the decoder reads them", () => {
    const frame = {
      type: "send",
      ref: "1",
      channel: "lobby",
      clientId: "c-1",
      body: 'é "quoted"\n',
      meta: { n: 1.5 },
    } as const;
    const bytes = new TextEncoder().encode(encodeClientFrame(frame));
    expect(createDecoder(DEFAULT_LIMITS)(bytes)).toEqual({ kind: "frame", frame });
  });

  it.each(["@rookery/protocol", "@rookery/protocol/wire"])(
    "%s can be imported without a word on conditions",
    async (name) => {
      const script = `const p = await import("${name}"); console.log(Object.keys(p.ERRORS).length, p.actionForClose(4401))`;
      const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script]);
      expect(stdout.trim()).toBe(`${Object.keys(ERRORS).length} renew`);
    },
  );
});
