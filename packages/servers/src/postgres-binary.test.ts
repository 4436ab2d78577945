// Contract of choosing the user Postgres runs as and of what that user can reach.
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { blockedAt, userFrom } from "./postgres-binary.ts";
import { reachableFolder } from "./postgres-data.ts";

const stranger = { name: "stranger", uid: 54_321, gid: 54_321 };

const folder = async (): Promise<string> => {
  const made = await mkdtemp(join(tmpdir(), "rookery-reach-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
};

describe("the server's user", () => {
  it("is postgres where that user exists", () => {
    const passwd = "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\npostgres:x:101:104::/:/bin/sh\n";
    expect(userFrom(passwd)).toEqual({ name: "postgres", uid: 101, gid: 104 });
  });

  it("is nobody otherwise", () => {
    expect(userFrom("root:x:0:0::/root:/bin/sh\nnobody:x:99:98::/:/bin/false\n")).toEqual({
      name: "nobody",
      uid: 99,
      gid: 98,
    });
    expect(userFrom("")).toEqual({ name: "nobody", uid: 65_534, gid: 65_534 });
  });
});

describe("what another user can reach", () => {
  it("ends at the first folder that is private to its owner", async () => {
    const base = await folder();
    const deep = join(base, "open", "file");
    await mkdir(join(base, "open"));
    await writeFile(deep, "");
    expect(await blockedAt(deep, stranger)).toBe(base); // mkdtemp makes folders private
    await chmod(base, 0o711);
    expect(await blockedAt(deep, stranger)).toBeUndefined();
    await chmod(deep, 0o600);
    expect(await blockedAt(deep, stranger)).toBe(deep);
  });

  it("decides where data goes, the same folder every time", async () => {
    const base = await folder();
    const said: string[] = [];
    const say = (line: string): number => said.push(line);
    const elsewhere = await reachableFolder(join(base, "postgres"), stranger, say);
    expect(elsewhere).toMatch(/^\/var\/lib\/rookery\/postgres-[0-9a-f]{12}$/);
    expect(await reachableFolder(join(base, "postgres"), stranger, say)).toBe(elsewhere);
    expect(said[0]).toContain(base);
    await chmod(base, 0o755);
    expect(await reachableFolder(join(base, "postgres"), stranger, say)).toBe(join(base, "postgres"));
  });

  it("is no question for a process that is not root", async () => {
    const base = await folder();
    expect(await reachableFolder(join(base, "postgres"), undefined, () => undefined)).toBe(join(base, "postgres"));
  });
});
