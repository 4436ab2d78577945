// The files that a deployment starts from: secrets made by the shipped script are taken by every process as a start in
// production takes them, and the certificate is one that a client which knows it accepts.
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, createServer } from "node:tls";
import { once } from "node:events";
import { clusterSettings } from "@rookery/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ownServices, readCompose } from "./compose-file.ts";

const folder = mkdtempSync(join(tmpdir(), "rookery-deploy-"));
const secrets = join(folder, "secrets");
const certificate = join(folder, "rookery.pem");
const makeSecrets = (): Buffer => execFileSync("deploy/compose/secrets.sh", [secrets]);
const makeCertificate = (...names: string[]): string =>
  execFileSync(process.execPath, ["deploy/compose/certificate.mjs", certificate, ...names], { encoding: "utf8" });

beforeAll(() => {
  makeSecrets();
  makeCertificate("localhost", "127.0.0.1", "haproxy");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the secrets of a deployment", () => {
  it.each(ownServices(readCompose()))("are taken by $name in production, with all else that it is told", (service) => {
    const { part, environment = {} } = service;
    const env = Object.fromEntries(
      Object.entries(environment).map(([name, value]) => [name, String(value).replace("/run/secrets", secrets)]),
    );
    const found = clusterSettings.inspect(part, { env: { NODE_ENV: "production", ...env } });
    expect(found.filter(({ source }) => source === "generated")).toEqual([]);
  });

  it("are those of the file, in a folder for nobody else", () => {
    const names = Object.keys(readCompose().secrets).toSorted();
    expect(readdirSync(secrets).toSorted()).toEqual(names);
    expect(statSync(secrets).mode & 0o777).toBe(0o700);
    expect(new Set(names.map((name) => readFileSync(join(secrets, name), "utf8"))).size).toBe(names.length);
  });

  it("stay as they are when the script is run again, and only a missing one is made", () => {
    const read = (name: string): string => readFileSync(join(secrets, name), "utf8");
    const [password, users, roles, key] = ["postgres_password", "redis_users", "postgres_roles", "api_key"].map(read);
    rmSync(join(secrets, "api_key"));
    makeSecrets();
    expect([read("postgres_password"), read("redis_users"), read("postgres_roles")]).toEqual([password, users, roles]);
    expect(read("api_key")).not.toBe(key);
  });

  it("follow an address that was given another password or another login", () => {
    const file = join(secrets, "postgres_url_edge");
    const url = readFileSync(file, "utf8");
    writeFileSync(file, url.replace(/rookery_edge_a:\w+@/, "rookery_edge_b:another@"));
    makeSecrets();
    expect(readFileSync(join(secrets, "postgres_roles"), "utf8")).toContain(
      "alter role rookery_edge_b password 'another';",
    );
    writeFileSync(file, url);
    makeSecrets();
  });
});

describe("a script that cannot make the secrets", () => {
  /** What it says on standard error, with what it ended. */
  const refusal = (to: string, path = process.env["PATH"] ?? ""): readonly [number | null, string] => {
    const env = { ...process.env, PATH: path };
    const { status, stderr } = spawnSync("/bin/sh", ["deploy/compose/secrets.sh", to], { env, encoding: "utf8" });
    return [status, stderr];
  };

  it("names the program that is missing, and makes nothing", () => {
    const programs = join(folder, "programs");
    mkdirSync(programs);
    for (const name of ["cat", "chmod", "cut", "dirname", "mkdir", "mv", "od", "rmdir", "sed", "tr"]) {
      const found = execFileSync("/bin/sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
      symlinkSync(found, join(programs, name));
    }
    const nowhere = join(folder, "nowhere");
    const [status, said] = refusal(nowhere, programs);
    expect(status).toBe(1);
    expect(said).toContain("sha256sum is not on PATH");
    expect(existsSync(nowhere)).toBe(false);
  });

  it("at a time with another one changes nothing and says so, and leaves the way free for the next", () => {
    const [to, lock] = [join(folder, "at-once"), join(folder, "at-once.lock")];
    mkdirSync(lock);
    const [status, said] = refusal(to);
    expect(status).toBe(1);
    expect(said).toContain(`another one is at work in ${to}`);
    expect(readdirSync(to)).toEqual([]);
    rmSync(lock, { recursive: true });
    expect(refusal(to)).toEqual([0, ""]);
    expect(existsSync(lock)).toBe(false);
  });

  it.each([
    ["redis_url_edge", "redis://edge:p%40ss@redis:6379", "p%40ss"],
    ["redis_url_api", "redis://api:@redis:6379", "api:"],
    ["postgres_url_edge", "postgres://rookery_edge_a:it's@postgres:5432/rookery", "it's"],
  ])("names the address whose password would be another to the store: %s", (name, url, password) => {
    const file = join(secrets, name);
    const [before, users] = [readFileSync(file, "utf8"), readFileSync(join(secrets, "redis_users"), "utf8")];
    writeFileSync(file, url);
    const [status, said] = refusal(secrets);
    writeFileSync(file, before);
    expect(status).toBe(1);
    expect(said).toContain(name);
    expect(said).not.toContain(password);
    expect(readFileSync(join(secrets, "redis_users"), "utf8")).toBe(users);
  });
});

describe("the certificate of a first start", () => {
  it.each(["localhost", "127.0.0.1", "haproxy"])("is accepted for %s by a client that knows it", async (name) => {
    const pem = readFileSync(certificate);
    const server = createServer({ cert: pem, key: pem }, (socket) => socket.end()).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    try {
      const socket = connect({ host: "127.0.0.1", port, ca: pem, servername: name === "127.0.0.1" ? "" : name });
      await once(socket, "secureConnect");
      expect(socket.authorized).toBe(true);
      socket.destroy();
    } finally {
      server.close();
    }
  });

  it("is kept while it holds, and made where there is none", () => {
    const first = readFileSync(certificate, "utf8");
    expect(makeCertificate("elsewhere")).toBe("");
    expect(readFileSync(certificate, "utf8")).toBe(first);
    rmSync(certificate);
    expect(makeCertificate("localhost", "127.0.0.1", "haproxy")).toContain("a new certificate");
  });
});
