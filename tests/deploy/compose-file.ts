// Reads docker-compose.yml as compose does, anchors merged and variables at their defaults, with what the tests look at.
// Called by the tests of what is deployed; pure but for the file.
import { readFileSync } from "node:fs";
import type { ServiceName } from "@rookery/node";
import { parse } from "yaml";

export interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly target: string };
  readonly user?: string;
  readonly init?: boolean;
  readonly read_only?: boolean;
  readonly restart?: string;
  readonly profiles?: readonly string[];
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly command?: readonly string[];
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
  readonly ulimits?: { readonly nofile: { readonly soft: number; readonly hard: number } };
  readonly networks?: unknown;
  readonly deploy?: { readonly resources: { readonly limits: { readonly cpus: string; readonly memory: string } } };
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, object>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

/** `${NAME:-default}` becomes the default; a variable without one is no part of the file. */
const atDefaults = (text: string): string => text.replaceAll(/\$\{[A-Z_]+:-([^}]*)\}/g, "$1");

export function readCompose(): ComposeFile {
  return parse(atDefaults(readFileSync("docker-compose.yml", "utf8")), { merge: true });
}

/** Services that are built here, with the part of Rookery that each is: the target of the Dockerfile has its name. */
export function ownServices({ services }: ComposeFile): (ComposeService & { name: string; part: ServiceName })[] {
  return Object.entries(services).flatMap(([name, service]) => {
    const part = PARTS.find((each) => each === service.build?.target);
    return part === undefined ? [] : [{ ...service, name, part }];
  });
}

const PARTS = ["edge", "api", "persister", "migrate"] as const satisfies readonly ServiceName[];

/** `45s` in ms. */
export function durationMs(text: string | undefined): number {
  const [, number = "", unit = ""] = /^(\d+)(s|m)$/.exec(text ?? "") ?? [];
  return Number(number || Number.NaN) * (unit === "m" ? 60_000 : 1_000);
}

/** `512m` in bytes, with the letters that compose and Redis share. */
export function bytesOf(text: string | undefined): number {
  const [, number = "", unit = ""] = /^(\d+)(k|m|g)b?$/.exec(text ?? "") ?? [];
  return Number(number || Number.NaN) * 1024 ** (["k", "m", "g"].indexOf(unit) + 1);
}
