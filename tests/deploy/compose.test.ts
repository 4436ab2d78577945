// What docker-compose.yml promises beside being readable by compose, which its own loader judges in compose.deploy.test.ts.
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { bytesOf, durationMs, ownServices, readCompose } from "./compose-file.ts";
import { defaultOf, endTakesMs, secretsByValue, unknownNames } from "./setting-names.ts";

const compose = readCompose();
const services = Object.entries(compose.services).map(([name, service]) => ({ name, ...service }));
const own = ownServices(compose);
const lasting = services.filter(({ restart }) => restart !== "no");
const dockerfile = readFileSync("Dockerfile", "utf8");
const { version }: { version: string } = JSON.parse(readFileSync("package.json", "utf8"));
const redisConf = new Map(
  readFileSync("deploy/redis/redis.conf", "utf8")
    .split("\n")
    .filter((line) => /^[a-z]/.test(line))
    .map((line) => [line.slice(0, line.indexOf(" ")), line.slice(line.indexOf(" ") + 1)]),
);

describe("docker-compose.yml", () => {
  it("has a balancer, two edges, an api, a persister, both stores, and what is done once", () => {
    expect(services.filter(({ profiles }) => profiles === undefined).map(({ name }) => name)).toEqual([
      ...["haproxy", "certificate", "edge-1", "edge-2", "api", "persister", "roles", "migrate", "redis", "postgres"],
    ]);
    expect(Object.fromEntries(services.flatMap(({ name, profiles = [] }) => profiles.map((of) => [name, of])))).toEqual(
      {
        prometheus: "observability",
        grafana: "observability",
        k6: "loadtest",
      },
    );
  });

  it.each(own)(
    "gives $name no variable that it does not read, and no secret by value",
    ({ part, environment = {} }) => {
      expect(unknownNames(part, Object.keys(environment))).toEqual([]);
      expect(secretsByValue(Object.keys(environment))).toEqual([]);
    },
  );

  it("builds targets that the Dockerfile has, and names them by the version of this repository", () => {
    const targets = [...dockerfile.matchAll(/^FROM \S+ AS (\S+)$/gm)].map(([, target]) => target);
    for (const { build, image, part } of own) {
      expect(targets).toContain(build?.target);
      expect(image).toBe(`rookery-${part}:${version}`);
    }
  });

  // Versions of Postgres have two numbers.
  it.each(services)("pins the image of $name to one version", ({ image }) => {
    expect(image).toMatch(/^(postgres:\d+\.\d+|(?!postgres:)[a-z0-9/-]+:v?\d+\.\d+\.\d+)(-[a-z0-9]+)*$/);
  });

  it("publishes ports on loopback alone, each that its service is asked about for its health", () => {
    const published = services.flatMap(({ name, ports = [] }) => ports.map((port) => [name, port] as const));
    expect(published.map(([name]) => name)).toEqual(["haproxy", "prometheus", "grafana"]);
    for (const [name, port] of published) {
      const [, inside = "none"] = /^127\.0\.0\.1:\d+:(\d+)$/.exec(port) ?? [];
      expect(compose.services[name]?.healthcheck?.test.join(" "), name).toContain(inside);
    }
  });

  it("lets the images expose the ports that the settings have by default", () => {
    const exposed = [...dockerfile.matchAll(/^EXPOSE (.+)$/gm)].map(([, ports]) => ports);
    expect(exposed).toEqual(["8080 9464", "8080 9464", "9464"]);
    expect(defaultOf("port")).toBe(8080);
    expect(compose.services["migrate"]?.environment?.["RK_API"]).toBe("http://api:8080");
  });

  it.each(services)(
    "contains $name: nothing of the root is written, no privilege, bounds on what it takes",
    (service) => {
      expect(service).toMatchObject({
        ...{ init: true, read_only: true, cap_drop: ["ALL"], security_opt: ["no-new-privileges:true"] },
        deploy: {
          resources: {
            limits: { cpus: expect.stringMatching(/^\d\.\d$/), memory: expect.stringMatching(/^\d+[mg]$/) },
          },
        },
      });
    },
  );

  it("runs nothing as root but what writes the certificate into its volume", () => {
    const asRoot = services.filter(({ build, user = "root" }) => build === undefined && /^(0|root)/.test(user));
    expect(asRoot.map(({ name }) => name)).toEqual(["certificate"]);
    expect(dockerfile).toMatch(/^USER 1000:1000$/m);
    expect(dockerfile).not.toMatch(/^USER (0|root)/m);
  });

  it("waits for health, or for the end of what is done once, never only for a start", () => {
    const known = new Set(services.map(({ name }) => name));
    for (const { name, depends_on: needs = {} } of services) {
      for (const [other, { condition }] of Object.entries(needs)) {
        expect(known, name).toContain(other);
        const isLasting = lasting.some((each) => each.name === other);
        expect(condition, `${name} on ${other}`).toBe(isLasting ? "service_healthy" : "service_completed_successfully");
      }
    }
  });

  it.each(lasting)("asks $name for its health", ({ build, healthcheck }) => {
    const built = new RegExp(`AS ${build?.target ?? "none"}\\n[\\s\\S]*?\\nHEALTHCHECK [^\\n]* CMD \\["node"`);
    expect(healthcheck !== undefined || built.test(dockerfile)).toBe(true);
  });

  it("gives each process the time that its end takes at most", () => {
    for (const { name, part, environment = {}, stop_grace_period: grace = "10s" } of own) {
      expect(durationMs(grace), name).toBeGreaterThanOrEqual(endTakesMs(part, environment));
    }
  });

  it("gives an edge two files for each connection that it takes, and some", () => {
    for (const { part, environment = {}, ulimits } of own) {
      if (part !== "edge") continue;
      const connections = Number(environment["ROOKERY_MAX_CONNECTIONS"] ?? defaultOf("maxConnections"));
      expect(ulimits?.nofile.soft).toBeGreaterThanOrEqual(2 * connections + 256);
    }
  });

  it("trusts the word of the balancer alone on a client's address", () => {
    const proxies = own.map(({ environment = {} }) => environment["ROOKERY_TRUSTED_PROXIES"]).filter(Boolean);
    const address = /ipv4_address: (\S+) /.exec(readFileSync("docker-compose.yml", "utf8"))?.[1];
    expect([...new Set(proxies)]).toEqual([address]);
  });

  it("reads each secret from a file of the script's folder, and names none that nobody reads", () => {
    const used = new Set(services.flatMap(({ secrets = [] }) => secrets));
    expect([...used].toSorted()).toEqual(Object.keys(compose.secrets).toSorted());
    for (const [name, { file }] of Object.entries(compose.secrets)) {
      expect(file).toBe(`./deploy/compose/secrets/${name}`);
    }
    for (const { name, environment = {}, command = [], secrets = [] } of services) {
      const told = [...Object.values(environment).map(String), ...command].join(" ");
      const read = [...told.matchAll(/\/run\/secrets\/(\w+)/g)].map(([, secret]) => secret);
      expect(secrets.filter((secret) => secret !== "redis_users").toSorted(), name).toEqual(read.toSorted());
    }
  });

  it("gives each kind of process its own way into the stores, and the superuser's to nobody who stays", () => {
    for (const { name, part, secrets = [] } of own) {
      const urls = secrets.filter((secret) => secret.includes("_url_"));
      const stores = part === "migrate" ? ["postgres"] : ["redis", "postgres"];
      expect(urls, name).toEqual(stores.map((store) => `${store}_url_${part}`));
    }
    const mighty = services.filter(({ secrets = [] }) => secrets.includes("postgres_password"));
    expect(mighty.map(({ name }) => name)).toEqual(["roles", "postgres"]);
  });

  it("names each volume that is mounted, and mounts each that is named", () => {
    const mounted = services.flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(":")[0] ?? ""));
    const named = mounted.filter((source) => !source.startsWith("."));
    expect([...new Set(named)].toSorted()).toEqual(Object.keys(compose.volumes).toSorted());
  });

  it("mounts its own files read-only, and they are there", () => {
    const files = services.flatMap(({ volumes = [] }) => volumes.filter((volume) => volume.startsWith("./")));
    expect(files.filter((volume) => !volume.endsWith(":ro"))).toEqual([]);
    expect(files.length).toBeGreaterThan(5);
    expect(files.filter((volume) => !existsSync(volume.split(":")[0] ?? ""))).toEqual([]);
  });

  it("is scraped by Prometheus wherever a process has an internal port, and nowhere else", () => {
    const scraped = [...readFileSync("deploy/prometheus/prometheus.yml", "utf8").matchAll(/"([a-z0-9-]+):9464"/g)];
    const served = own.filter(({ part }) => part !== "migrate").map(({ name }) => name);
    expect(scraped.map(([, name]) => name).toSorted()).toEqual(served.toSorted());
  });

  it("has a balancer that listens where its port is published, with the certificate of the first start", () => {
    const configuration = readFileSync("deploy/haproxy/haproxy.cfg", "utf8");
    expect(configuration).toMatch(/^\s*bind \S*:8443 .*crt \/etc\/haproxy\/tls\b/m);
    expect(compose.services["certificate"]?.command).toContain("/tls/rookery.pem");
    for (const { name } of own.filter(({ part }) => part === "edge" || part === "api")) {
      expect(configuration).toMatch(new RegExp(` ${name}:8080$`, "m"));
    }
  });
});

describe("the Redis of a deployment", () => {
  it("keeps what was acknowledged, evicts nothing and lets a busy subscriber lag", () => {
    expect(redisConf.get("appendonly")).toBe("yes");
    expect(redisConf.get("maxmemory-policy")).toBe("noeviction");
    expect(redisConf.get("client-output-buffer-limit")).toMatch(/^pubsub \d+mb \d+mb \d+$/);
    expect(redisConf.get("aclfile")).toBe("/run/secrets/redis_users");
  });

  it("has room beside its memory for buffers and for the copy while its file is rewritten", () => {
    const limit = bytesOf(compose.services["redis"]?.deploy?.resources.limits.memory);
    expect(limit).toBeGreaterThanOrEqual(2 * bytesOf(redisConf.get("maxmemory")));
  });
});
