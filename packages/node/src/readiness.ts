// What is looked at to tell whether a process is ready: one table of rows for each service, which says of each whether it
// decides or only advises; and the internal port that tells it. Why each is so: docs/operating.md.
import { startInternalServer } from "@rookery/runtime";
import type { ProcessContext, ReadinessCheck } from "@rookery/runtime";
import type { SettingsContext } from "./settings-context.ts";
import type { ProcessService } from "./services.ts";

type Weight = "decides" | "advises";

export const READINESS_ROWS = {
  edge: {
    redis: "decides",
    tables: "decides",
    postgres: "advises",
    "token keys": "advises",
    memory: "decides",
    draining: "decides",
  },
  api: { stores: "decides", redis: "advises", postgres: "advises", "token keys": "advises", draining: "decides" },
  persister: { redis: "decides", postgres: "decides", memory: "advises", kinds: "advises" },
} as const satisfies Record<ProcessService, Readonly<Record<string, Weight>>>;

type RowName<S extends ProcessService> = keyof (typeof READINESS_ROWS)[S] & string;

/** What keeps a part from serving, in one line, or undefined. */
export type Look = () => string | undefined | Promise<string | undefined>;
export type Looks<S extends ProcessService> = Readonly<Record<RowName<S>, Look>>;

/** In the order of the table. */
export function readinessChecks<S extends ProcessService>(service: S, looks: Looks<S>): readonly ReadinessCheck[] {
  const rows: [string, Weight][] = Object.entries(READINESS_ROWS[service]);
  const looksByName: Readonly<Record<string, Look>> = looks;
  return rows.map(([name, weight]) => ({
    name,
    ...(weight === "advises" ? { advisory: true } : {}),
    check: async () => looksByName[name]?.(),
  }));
}

type InternalContext = SettingsContext<"internalHost" | "internalPort"> &
  Pick<ProcessContext<unknown>, "metrics" | "stop">;

/** Opens the internal port, on which an operator may also begin the end of this node; answers its number. */
export async function openInternalPort<S extends ProcessService>(
  { settings, metrics, log, onStop, stop }: InternalContext,
  service: S,
  looks: Looks<S>,
): Promise<number> {
  const server = await startInternalServer({
    host: settings.internalHost,
    port: settings.internalPort,
    metrics,
    log,
    drain: () => stop("drain"),
    checks: readinessChecks(service, looks),
  });
  onStop("internal server", () => server.close());
  return server.port;
}
