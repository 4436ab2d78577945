// What one look at a Postgres means for a process that is to rely on it: a table of judges, one a row of the doctor's answer. Pure.
import type { PostgresLook, PostgresServer } from "@rookery/store";
import { judgeBy, ok, trouble, warning } from "./check.ts";
import type { Check, Finding, Judge } from "./check.ts";
import { judgeClock } from "./judge-clock.ts";

export interface PostgresNeeds {
  /** Undefined for the migrations, which have no limit. */
  readonly statementTimeoutMs: number | undefined;
  readonly toleranceMs: number | undefined;
}

interface PostgresFacts extends PostgresNeeds {
  readonly look: PostgresLook;
  readonly server: PostgresServer;
}

/** The majors of Postgres with which Rookery is tried. */
const TRIED = { from: 15, to: 18 } as const;
const MAJOR = 10_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|::1):\d+$/;
const MOST_NAMED = 3;

const version: Judge<PostgresFacts>["judge"] = ({ server }) => {
  const major = Math.floor(server.versionNumber / MAJOR);
  if (major >= TRIED.from && major <= TRIED.to) return ok(`it is ${server.version}`);
  return warning(
    `it is ${server.version}`,
    `Rookery is tried with Postgres ${TRIED.from} and ${TRIED.to}: use one of these`,
  );
};

const tls: Judge<PostgresFacts>["judge"] = ({ look: { sslMode, name } }) => {
  if (sslMode === "verify-full") return ok("encrypted, and the server proves who it is");
  if (sslMode === "verify-ca")
    return warning("encrypted, with anybody whom the CA has signed for", "say sslmode=verify-full");
  if (sslMode === "require") return warning("encrypted, with anybody", "say sslmode=verify-full, with sslrootcert");
  if (LOOPBACK.test(name)) return ok("not encrypted, and on this machine");
  return warning(
    "not encrypted: the password and all messages pass in the clear",
    "say sslmode=verify-full in ROOKERY_POSTGRES_URL",
  );
};

const writable: Judge<PostgresFacts>["judge"] = ({ server }) => {
  if (!server.isReadOnly) return ok("it takes writes");
  return trouble("it is read-only, as a standby is", "name the primary in ROOKERY_POSTGRES_URL");
};

const timeout: Judge<PostgresFacts>["judge"] = ({ look: { isPooled, statementMs }, statementTimeoutMs, server }) => {
  if (statementTimeoutMs === undefined) return undefined;
  if (!isPooled) return ok(`statements are cancelled after ${statementTimeoutMs} ms`);
  if (statementMs === 0)
    return warning(
      "behind a pooler, which drops ROOKERY_STATEMENT_TIMEOUT_MS: a statement may run for ever",
      `alter role ${server.role} set statement_timeout = '${statementTimeoutMs}ms'`,
    );
  return ok(`behind a pooler; Postgres cancels statements after ${statementMs ?? 0} ms`);
};

const rights: Judge<PostgresFacts>["judge"] = ({ look: { lacking }, server: { role } }) => {
  const fix = "give it the role of this process (docs/security.md), or connect as one that has it";
  if (lacking === undefined) return warning(`what ${role} may do cannot be seen`, fix);
  if (lacking.length === 0) return ok(`${role} may do what this process does`);
  return trouble(`${role} lacks ${listed(lacking)}`, fix);
};

const schema: Judge<PostgresFacts>["judge"] = ({ look: { migrations }, server: { role } }) => {
  if (migrations === undefined)
    return warning(`${role} may not see how it stands`, `grant select on schema_migrations to ${role}`);
  const named = (state: string): string[] => migrations.flatMap((each) => (each.state === state ? [each.name] : []));
  const [changed, newer, missing, breaking] = [named("changed"), named("unknown"), named("pending"), named("breaking")];
  if (changed.length > 0)
    return trouble(
      `not what this build applies: ${listed(changed)}`,
      "run the build that migrated it, or restore a backup",
    );
  if (breaking.length > 0)
    return trouble(`of a newer build, and no older one works with it: ${listed(breaking)}`, "upgrade this build");
  if (missing.length > 0) return missingFinding(missing, migrations.length);
  if (newer.length > 0) return warning(`newer than this build: ${listed(newer)}`, "upgrade this build");
  return ok(`up to date: ${migrations.at(-1)?.name ?? "nothing to apply"}`);
};

function missingFinding(missing: readonly string[], all: number): Finding {
  const what = missing.length === all ? "there are no tables yet" : "older than this build";
  return trouble(`${what}: ${listed(missing)} to be applied`, "run `rookery migrate up`");
}

function listed(names: readonly string[]): string {
  const rest = names.length - MOST_NAMED;
  return [...names.slice(0, MOST_NAMED), ...(rest > 0 ? [`${rest} more`] : [])].join(", ");
}

const JUDGES: readonly Judge<PostgresFacts>[] = [
  { name: "postgres", judge: ({ look: { name }, server: { role } }) => ok(`${name} answers ${role}`) },
  { name: "postgres version", judge: version },
  { name: "postgres tls", judge: tls },
  { name: "postgres writes", judge: writable },
  { name: "postgres timeout", judge: timeout },
  { name: "postgres rights", judge: rights },
  { name: "schema", judge: schema },
  {
    name: "postgres clock",
    judge: ({ look: { name }, server, toleranceMs }) => judgeClock(name, server, toleranceMs),
  },
];

export function judgePostgres(look: PostgresLook, needs: PostgresNeeds): readonly Check[] {
  const { server, name, fault = "no answer" } = look;
  if (server !== undefined) return judgeBy(JUDGES, { look, server, ...needs });
  const fix = "start Postgres, or say where it is and how to enter it in ROOKERY_POSTGRES_URL";
  return [{ name: "postgres", ...trouble(`${name}: ${fault}`, fix) }];
}
