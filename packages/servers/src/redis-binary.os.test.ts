// Contract of finding and installing Redis, with folders of pretended programs in place of PATH.
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { findOrInstallRedis } from "./redis-binary.ts";

const isRoot = process.getuid?.() === 0;

/** A folder to serve as PATH, with shell scripts by name. */
const pathWith = async (scripts: Record<string, string>): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "rookery-path-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(scripts)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
};

const says = (version: string): string => `echo "Redis server v=${version} sha=00000000:0 bits=64"`;

/** An apt-get that "installs" a redis-server of the given version and counts how often it did. */
const pretendedApt = (version: string): string => `
here=\${0%/*}
case $* in
  *install*)
    echo once >>"$here/installs"
    printf '#!/bin/sh\\n%s\\n' '${says(version)}' >"$here/redis-server"
    /bin/chmod 755 "$here/redis-server" ;;
esac`;

describe("finding redis-server", () => {
  it("takes the first server on PATH that is new enough", async () => {
    const path = await pathWith({ "redis-server": says("6.0.16"), "valkey-server": says("8.0.1") });
    const found = await findOrInstallRedis({ env: { PATH: path } });
    expect(found).toEqual({ path: join(path, "valkey-server"), version: "8.0.1" });
  });

  it("says in one line what to install when none can be found or installed", async () => {
    const path = await pathWith({});
    const failure = await findOrInstallRedis({ env: { PATH: path } }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(Error);
    const message = failure instanceof Error ? failure.message : "";
    expect(message).toMatch(/install redis-server or valkey-server/);
    expect(message).not.toContain("\n");
  });

  it("names a server that is too old", async () => {
    const path = await pathWith({ "redis-server": says("6.2.7") });
    await expect(findOrInstallRedis({ env: { PATH: path } })).rejects.toThrow(/redis-server is 6\.2\.7/);
  });

  it.runIf(isRoot)("installs with the package manager as root, and says so", async () => {
    const path = await pathWith({ "apt-get": pretendedApt("7.4.1") });
    const lines: string[] = [];
    const found = await findOrInstallRedis({ env: { PATH: path }, say: (line) => lines.push(line) });
    expect(found.version).toBe("7.4.1");
    expect(lines).toEqual([expect.stringContaining("apt-get install")]);
  });

  it.runIf(isRoot)("installs once when several ask at the same time", async () => {
    const path = await pathWith({ "apt-get": pretendedApt("7.4.1") });
    const found = await Promise.all([1, 2, 3].map(() => findOrInstallRedis({ env: { PATH: path } })));
    expect(found.map(({ version }) => version)).toEqual(["7.4.1", "7.4.1", "7.4.1"]);
    expect(await readFile(join(path, "installs"), "utf8")).toBe("once\n");
  });

  it.runIf(isRoot)("tells why an installation failed", async () => {
    const path = await pathWith({ "apt-get": "echo 'no network' >&2; exit 100" });
    await expect(findOrInstallRedis({ env: { PATH: path } })).rejects.toThrow(/installing it failed/);
  });
});
