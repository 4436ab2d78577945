// Reads what kustomize makes of an overlay, with what the tests look at. Called by k8s.deploy.test.ts; pure.
import type { ServiceName } from "@rookery/node";
import { parseAllDocuments } from "yaml";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: Spec;
}

export type Labels = Readonly<Record<string, string>>;

interface Spec {
  readonly replicas?: number;
  readonly selector?: Labels & { readonly matchLabels?: Labels };
  readonly ports?: readonly { readonly name: string; readonly targetPort: string }[];
  readonly template?: { readonly metadata: { readonly labels: Labels }; readonly spec: PodSpec };
  readonly scaleTargetRef?: { readonly name: string };
  readonly minReplicas?: number;
  readonly metrics?: readonly {
    readonly type: string;
    readonly pods?: { readonly metric: { readonly name: string } };
    readonly resource?: { readonly name: string };
  }[];
  readonly maxUnavailable?: number;
  readonly jobLabel?: string;
  readonly endpoints?: readonly { readonly port: string; readonly path: string }[];
  readonly rules?: readonly { readonly http: { readonly paths: readonly IngressPath[] } }[];
  readonly podSelector?: object;
  readonly policyTypes?: readonly string[];
}

interface IngressPath {
  readonly path: string;
  readonly backend: { readonly service: { readonly name: string; readonly port: { readonly name: string } } };
}

export interface PodSpec {
  readonly enableServiceLinks?: boolean;
  readonly automountServiceAccountToken?: boolean;
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: object;
  readonly topologySpreadConstraints?: readonly { readonly topologyKey: string; readonly labelSelector: object }[];
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes?: readonly {
    readonly name: string;
    readonly secret?: { readonly secretName: string; readonly items: readonly { readonly key: string }[] };
  }[];
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly livenessProbe?: object;
  readonly readinessProbe?: object;
  readonly securityContext?: object;
  readonly resources?: { readonly limits?: Labels; readonly requests?: Labels };
}

export interface Pod {
  readonly name: string;
  readonly kind: string;
  readonly labels: Labels;
  readonly spec: PodSpec;
  readonly container: Container;
  /** Which part of Rookery it is; undefined for the stores of the small overlay. */
  readonly part: ServiceName | undefined;
  /** What its process finds in its environment, of what is given by value. */
  readonly env: Readonly<Record<string, string>>;
}

const PARTS = ["edge", "api", "persister", "migrate"] as const satisfies readonly ServiceName[];

export function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text).map((document) => {
    if ("toJS" in document && document.errors.length === 0) return document.toJS();
    throw new Error("kustomize printed what is no YAML");
  });
}

/** Everything of one overlay that runs as pods of one container, and what comes before that. */
export function podsOf(manifests: readonly Manifest[]): Pod[] {
  const settings = manifests.find(({ kind }) => kind === "ConfigMap");
  return manifests.flatMap(({ kind, metadata, spec }) => {
    const [container] = spec?.template?.spec.containers ?? [];
    if (spec?.template === undefined || container === undefined) return [];
    const { labels } = spec.template.metadata;
    const taken = container.envFrom?.some(({ configMapRef }) => configMapRef.name === settings?.metadata.name);
    const given = Object.fromEntries((container.env ?? []).map(({ name, value = "" }) => [name, value]));
    const env = { ...(taken === true ? settings?.data : {}), ...given };
    const part = PARTS.find((each) => labels["app.kubernetes.io/name"] === `rookery-${each}`);
    return [{ name: metadata.name, kind, labels, spec: spec.template.spec, container, part, env }];
  });
}

/** Every container of a pod. */
export const containersOf = ({ spec }: Pod): readonly Container[] => [
  ...(spec.initContainers ?? []),
  ...spec.containers,
];

/** Whether a selector's labels are all among these. */
export function selects(selector: Labels | undefined, labels: Labels | undefined): boolean {
  return Object.entries(selector ?? { nothing: "" }).every(([key, value]) => labels?.[key] === value);
}
