// What the shipped balancers and manifests promise that can be read in their files: times against the settings, the health check,
// and that nothing keeps a client to a node.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ownServices, readCompose } from "./compose-file.ts";
import { defaultOf } from "./setting-names.ts";

const HAPROXY = "deploy/haproxy/haproxy.cfg";
const NGINX = "deploy/nginx/nginx.conf";
const INGRESS = "deploy/k8s/overlays/production/ingress.yaml";

/** How long a socket may be silent, in seconds. */
const SILENCES: readonly (readonly [string, RegExp])[] = [
  [HAPROXY, /^ *timeout tunnel (\d+)s$/m],
  [NGINX, /location = \/ws \{[^}]* proxy_read_timeout (\d+)s;/],
  [NGINX, /location = \/ws \{[^}]* proxy_send_timeout (\d+)s;/],
  [INGRESS, /proxy-read-timeout: "(\d+)"/],
  [INGRESS, /proxy-send-timeout: "(\d+)"/],
];

/** How each program is told to keep a client to a node. */
const STICKY: readonly (readonly [string, RegExp])[] = [
  ["cookie SERVERID insert indirect", /^ *cookie\b/m],
  ["balance source", /^ *(balance|hash-type) +(?!leastconn$|roundrobin$)/m],
  ["stick on src", /\bstick(-table| on| match| store)/],
  ["ip_hash;", /\bip_hash\b/],
  ["hash $remote_addr consistent;", /^ *hash\b/m],
  ["sticky cookie srv_id;", /\bsticky\b/],
  ["sessionAffinity: ClientIP", /sessionAffinity(?!: None)/],
  ['nginx.ingress.kubernetes.io/affinity: "cookie"', /kubernetes\.io\/(affinity|session-cookie|upstream-hash-by)/],
];

const withoutComments = (file: string): string =>
  readFileSync(file, "utf8").replaceAll(/(^|\s)#.*$/gm, (_, before) => String(before));

describe("a shipped balancer", () => {
  it.each(SILENCES)("%s is more patient with a silent socket than its edge is: %s", (file, said) => {
    const seconds = Number(said.exec(readFileSync(file, "utf8"))?.[1]);
    expect(seconds * 1000).toBeGreaterThan(3 * defaultOf("heartbeatMs"));
    expect(seconds * 1000).toBeGreaterThan(defaultOf("idleMs"));
  });

  it("sees that an edge drains before it takes nobody any more", () => {
    const file = readFileSync(HAPROXY, "utf8");
    const checks = [...file.matchAll(/check port (\d+) inter (\d+)s fall (\d+) /g)];
    expect(checks).toHaveLength(2);
    expect(file.match(/http-check send meth GET uri \/readyz .*\n *http-check expect status 200$/gm)).toHaveLength(2);
    for (const [, port, everySec, looks] of checks) {
      expect(Number(port)).toBe(defaultOf("internalPort"));
      for (const { part, environment = {} } of ownServices(readCompose())) {
        if (part !== "edge" && part !== "api") continue;
        const waitMs = Number(environment["ROOKERY_BALANCER_WAIT_MS"]);
        expect(waitMs, part).toBeGreaterThan((Number(looks) + 1) * Number(everySec) * 1000);
      }
    }
  });

  it("has two files for each client that it takes", () => {
    const most = Number(/^ *maxconn (\d+)$/m.exec(readFileSync(HAPROXY, "utf8"))?.[1]);
    expect(readCompose().services["haproxy"]?.ulimits?.nofile.soft).toBeGreaterThan(2 * most);
    const nginx = readFileSync(NGINX, "utf8");
    const [files, sockets] = [/worker_rlimit_nofile (\d+);/, /worker_connections (\d+);/].map((told) =>
      Number(told.exec(nginx)?.[1]),
    );
    // Here each side of a client counts as a connection.
    expect(files).toBeGreaterThan(sockets ?? Number.NaN);
  });
});

describe("what is deployed", () => {
  const manifests = readdirSync("deploy/k8s", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => join("deploy/k8s", file));
  const files = [HAPROXY, NGINX, "docker-compose.yml", ...manifests];

  it.each(files)("keeps nobody to a node: %s", (file) => {
    const text = withoutComments(file);
    expect(STICKY.filter(([, told]) => told.test(text)).map(([how]) => how)).toEqual([]);
  });

  it.each(STICKY)("would be found out by: %s", (how, told) => {
    expect(told.test(`before\n    ${how}\nafter`)).toBe(true);
  });
});
