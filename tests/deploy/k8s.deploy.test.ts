// deploy/k8s as kustomize builds it: each document by the schemas of the oldest and the newest Kubernetes that it is for, and
// what the schemas do not know: names of settings, secrets, times, selectors. No cluster is asked.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { containersOf, podsOf, readManifests, selects } from "./manifests.ts";
import type { Manifest } from "./manifests.ts";
import { endTakesMs, secretsByValue, unknownNames } from "./setting-names.ts";
import { goTool, pythonTool } from "./tools.ts";

const OVERLAYS = ["small", "production"] as const;
/** The oldest has `preStop.sleep` without being asked for it. */
const KUBERNETES = ["1.30.0", "1.37.0"];

const kustomize = goTool("kustomize", "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1");
const validator = pythonTool("kubernetes-validate", "kubernetes-validate==1.37.0");
const folder = mkdtempSync(join(tmpdir(), "rookery-k8s-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const build = (overlay: string) =>
  spawnSync(kustomize ?? "", ["build", `deploy/k8s/overlays/${overlay}`], { encoding: "utf8" });
/** What the schemas of one version say against these documents; a document without a schema counts. */
const complaints = (text: string, version: string): string[] => {
  const file = join(folder, "all.yaml");
  writeFileSync(file, text);
  const { command = "", args = [], env = {} } = validator ?? {};
  const { stdout, stderr } = spawnSync(command, [...args, "--strict", "-k", version, file], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return `${stdout}\n${stderr}`.split("\n").filter((line) => line !== "" && !/^INFO .* passed/.test(line));
};

describe.skipIf(kustomize === undefined).each(OVERLAYS)("the overlay %s", (overlay) => {
  const { stdout, stderr, status } = kustomize === undefined ? { stdout: "", stderr: "", status: 0 } : build(overlay);
  const manifests = readManifests(stdout);
  const pods = podsOf(manifests);
  const ours = pods.flatMap((pod) => (pod.part === undefined ? [] : [{ ...pod, part: pod.part }]));
  const of = (kind: string): Manifest[] => manifests.filter((manifest) => manifest.kind === kind);
  const services = of("Service");

  it("is built without a word of complaint", () => {
    expect([status, stderr]).toEqual([0, ""]);
    expect(new Set(ours.map(({ part }) => part))).toEqual(new Set(["edge", "api", "persister", "migrate"]));
    expect(new Set(manifests.map(({ metadata }) => metadata.namespace ?? metadata.name))).toEqual(new Set(["rookery"]));
  });

  it.skipIf(validator === undefined).each(KUBERNETES)(
    "fits the schemas of Kubernetes %s, field by field",
    (version) => {
      const said = complaints(stdout, version);
      expect(said.filter((line) => !line.includes("ServiceMonitor"))).toEqual([]);
      expect(said.length).toBe(of("ServiceMonitor").length);
    },
  );

  it("gives no process a variable that it does not read, and none by the names of its neighbours", () => {
    for (const { name, part, spec, container } of ours) {
      // Settings that all share are read by some of them; what a container names itself, by that one.
      expect(
        unknownNames(
          part,
          (container.env ?? []).map((each) => each.name),
        ),
        name,
      ).toEqual([]);
      expect(spec.enableServiceLinks, name).toBe(false);
    }
    const shared = of("ConfigMap").flatMap(({ data = {} }) => Object.keys(data));
    expect(shared.length).toBeGreaterThan(0);
    expect(shared.filter((name) => PARTS.every((part) => unknownNames(part, [name]).length > 0))).toEqual([]);
  });

  it("holds no secret: each comes as a file of a Secret that is not here", () => {
    expect(of("Secret")).toEqual([]);
    for (const pod of pods) {
      const { name, env, spec } = pod;
      expect(secretsByValue(Object.keys(env)), name).toEqual([]);
      const keys = spec.volumes?.flatMap(({ secret }) => secret?.items.map(({ key }) => key) ?? []) ?? [];
      const told = [...Object.values(env), ...containersOf(pod).flatMap(({ args = [] }) => args)].join(" ");
      const files = [...told.matchAll(/\/run\/secrets\/rookery\/(\w+)/g)].map(([, key]) => key);
      expect(keys.toSorted(), name).toEqual(files.toSorted());
      expect(keys.length, name).toBeGreaterThan(0);
    }
  });

  it("names nodes by their pods, within what the name of a node may be", () => {
    for (const { name, part, env } of ours.filter((each) => each.part !== "migrate")) {
      expect(Object.keys(env), part).toContain("ROOKERY_NODE_NAME");
      // A pod's name is its deployment's, ten characters of a hash and five of its own.
      expect(`${name}-0123456789-01234`, part).toMatch(/^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$/);
    }
  });

  it("gives each process longer to end than it may take", () => {
    for (const { name, part, spec, env, container } of ours) {
      const pauseMs = (container.lifecycle?.preStop.sleep.seconds ?? 0) * 1_000;
      const graceMs = (spec.terminationGracePeriodSeconds ?? 30) * 1_000;
      expect(graceMs, name).toBeGreaterThanOrEqual(pauseMs + endTakesMs(part, env));
      expect(pauseMs > 0, name).toBe(part === "edge" || part === "api");
    }
  });

  it("runs everything without root, without a way to become it, on a root that nobody writes", () => {
    for (const { name, spec } of pods) {
      expect(spec.automountServiceAccountToken, name).toBe(false);
      expect(spec.securityContext, name).toMatchObject({
        ...{ runAsNonRoot: true, runAsUser: expect.any(Number), seccompProfile: { type: "RuntimeDefault" } },
      });
    }
    for (const container of pods.flatMap(containersOf)) {
      expect(container.securityContext, container.name).toEqual({
        ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
      });
      expect(container.resources, container.name).toMatchObject({
        requests: { cpu: expect.anything(), memory: expect.anything() },
        limits: { cpu: expect.anything(), memory: expect.anything() },
      });
    }
  });

  it("pins every image, ours by the version of this repository", () => {
    const { version }: { version: string } = JSON.parse(readFileSync("package.json", "utf8"));
    const own = new Set(ours.map(({ container }) => container));
    const theirs = pods.flatMap(containersOf).flatMap((each) => (own.has(each) ? [] : [each.image]));
    expect(theirs.filter((image) => !/^[a-z]+:\d+\.\d+(\.\d+)?-bookworm$/.test(image))).toEqual([]);
    for (const { container, part } of ours) expect(container.image).toBe(`rookery-${part}:${version}`);
    expect(of("Job").map(({ metadata }) => metadata.name)).toEqual([`rookery-migrate-${version}`]);
  });

  it("asks each process on its internal port, and lets no service for clients lead there", () => {
    for (const { part, container } of ours) {
      if (part === "migrate") continue;
      expect(container.livenessProbe).toMatchObject({ httpGet: { path: "/livez", port: "internal" } });
      expect(container.readinessProbe).toMatchObject({ httpGet: { path: "/readyz", port: "internal" } });
      expect(container.ports).toContainEqual({ name: "internal", containerPort: 9464 });
    }
    const open = services.filter(({ spec }) => spec?.ports?.some(({ targetPort }) => targetPort === "internal"));
    expect(open.map(({ metadata }) => metadata.name).toSorted()).toEqual(
      ["api", "edge", "persister"].map((part) => `${part}-internal`),
    );
    expect(services.filter(({ spec }) => (spec?.ports?.length ?? 0) !== 1)).toEqual([]);
  });

  it("selects pods that are there, by ports that they have", () => {
    for (const { metadata, spec } of services) {
      const chosen = pods.filter(({ labels }) => selects(spec?.selector, labels));
      expect(chosen.length, metadata.name).toBe(1);
      for (const { targetPort } of spec?.ports ?? []) {
        expect(
          chosen[0]?.container.ports?.map(({ name }) => name),
          metadata.name,
        ).toContain(targetPort);
      }
    }
    for (const { metadata, spec } of of("Ingress")) {
      for (const { backend } of spec?.rules?.flatMap(({ http }) => http.paths) ?? []) {
        const service = services.find((each) => each.metadata.name === backend.service.name);
        expect(
          service?.spec?.ports?.map(({ name }) => name),
          metadata.name,
        ).toContain(backend.service.port.name);
      }
    }
  });

  it("spreads what serves over zones and machines, and lets one of it go at a time", () => {
    for (const { name, part, spec, labels } of ours.filter(({ kind }) => kind === "Deployment")) {
      expect(
        spec.topologySpreadConstraints?.map(({ topologyKey }) => topologyKey),
        name,
      ).toEqual([...["topology.kubernetes.io/zone", "kubernetes.io/hostname"]]);
      const budget = of("PodDisruptionBudget").filter(({ spec: told }) => selects(told?.selector?.matchLabels, labels));
      expect(
        budget.map(({ spec: told }) => told?.maxUnavailable),
        part,
      ).toEqual([1]);
    }
  });

  it("scales edges by a metric that they have where somebody serves it, else by processor time", () => {
    const [scaler, ...others] = of("HorizontalPodAutoscaler");
    expect(others).toEqual([]);
    expect(pods.map(({ name }) => name)).toContain(scaler?.spec?.scaleTargetRef?.name);
    expect(of("Deployment").find(({ metadata }) => metadata.name === "edge")?.spec?.replicas).toBeUndefined();
    const metrics = scaler?.spec?.metrics?.map(({ pods: each, resource }) => each?.metric.name ?? resource?.name);
    expect(metrics).toEqual(overlay === "small" ? ["cpu"] : ["rookery_edge_connections", "cpu"]);
    expect(readFileSync("docs/metrics.md", "utf8")).toContain("| `rookery_edge_connections` | gauge |");
  });

  it("lets Prometheus find each process under the job that rules and dashboards know", () => {
    const monitors = of("ServiceMonitor");
    expect(monitors.length).toBe(overlay === "small" ? 0 : 3);
    for (const { spec } of monitors) {
      const watched = services.filter(({ metadata }) => selects(spec?.selector?.matchLabels, metadata.labels));
      expect(watched.map(({ spec: told }) => told?.ports?.map(({ name }) => name))).toEqual([["internal"]]);
      expect(watched[0]?.metadata.labels?.[spec?.jobLabel ?? ""]).toMatch(/^rookery-(edge|api|persister)$/);
      expect(spec?.endpoints).toEqual([{ port: "internal", path: "/metrics", interval: "15s", scrapeTimeout: "10s" }]);
      expect(Object.keys(spec ?? {}).toSorted()).toEqual(["endpoints", "jobLabel", "selector"]);
    }
  });

  it("closes the network, and opens it by name", () => {
    const policies = of("NetworkPolicy");
    const closed = policies.find(({ metadata }) => metadata.name === "nothing-else");
    expect(closed?.spec).toEqual({ podSelector: {}, policyTypes: ["Ingress", "Egress"] });
    expect(policies.length).toBe(overlay === "small" ? 6 : 4);
  });
});

const PARTS = ["edge", "api", "persister", "migrate"] as const;

describe("the small overlay", () => {
  it("runs Redis by the words of deploy/redis/redis.conf", () => {
    const conf = readFileSync("deploy/redis/redis.conf", "utf8");
    const args = [...readFileSync("deploy/k8s/overlays/small/redis.yaml", "utf8").matchAll(/^ +- --([a-z-]+ .+)$/gm)];
    const told = args.map(([, line = ""]) => line).filter((line) => !/^(aclfile|dir) /.test(line));
    expect(told.length).toBe(6);
    for (const line of told) expect(conf).toContain(`\n${line}\n`);
  });
});

describe.skipIf(validator === undefined)("the schemas", () => {
  it("say what is wrong with a field that is unknown, missing or of another type", () => {
    const pod = (container: string): string =>
      `apiVersion: v1\nkind: Pod\nmetadata: { name: a }\nspec: { containers: [${container}] }\n`;
    expect(complaints(pod("{ name: a, image: b }"), "1.37.0")).toEqual([]);
    for (const wrong of ["{ name: a, imagee: b }", "{ image: b }", "{ name: a, ports: [{ containerPort: many }] }"]) {
      expect(complaints(pod(wrong), "1.37.0"), wrong).not.toEqual([]);
    }
  });
});
