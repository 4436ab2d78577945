// Owns a Postgres with the roles of deploy/postgres/roles.sql and a schema that the migrator made; with certificates of a test it
// lets nobody in without TLS. Called by tests of who may do what there. Its superuser needs no password: it is for the test alone.
import { readFileSync } from "node:fs";
import { chmod, chown, copyFile, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@rookery/servers";
import { migrateUp } from "@rookery/store";
import type { TestCertificates } from "@rookery/testkit";
import postgres from "postgres";
import type { Sql } from "postgres";

export interface GuardedPostgres {
  /** The superuser's, in the database of the cluster. */
  readonly admin: Sql;
  /** An address as a login writes it; `query` begins with `?`. */
  urlOf(this: void, login: string, query?: string): string;
  stop(this: void): Promise<void>;
}

export const ROLES_FILE = "deploy/postgres/roles.sql";
const DATABASE = "chat";
const LOGINS = ["migrator", "edge_a", "api_a", "persister_a"].map((name) => `rookery_${name}`);
const quiet = { max: 2, onnotice: () => undefined } as const;

const rules = (kind: "host" | "hostssl"): string =>
  ["host all postgres 127.0.0.1/32 trust", `${kind} all all 127.0.0.1/32 scram-sha-256`].join("\n");

export const postgresPasswordOf = (login: string): string => `password-of-${login}`;

export async function startGuardedPostgres(certificates?: TestCertificates): Promise<GuardedPostgres> {
  const folder = await mkdtemp(join(tmpdir(), "rookery-guarded-"));
  await chmod(folder, 0o755);
  const hba = join(folder, "pg_hba.conf");
  await writeFile(hba, rules("host"));
  const server = await startPostgres({ ephemeral: true, settings: { hba_file: hba } });
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const root = postgres(`postgres://postgres@127.0.0.1:${server.port}/postgres`, quiet);
    await root.unsafe(`create database ${DATABASE}`);
    if (certificates !== undefined) await speakTls(root, { folder, hba, certificates, data: join(server.dir, "data") });
    await root.end();
    const admin = postgres(`postgres://postgres@127.0.0.1:${server.port}/${DATABASE}`, quiet);
    // Twice: it makes only what is missing.
    for (let runs = 0; runs < 2; runs += 1) await admin.unsafe(readFileSync(ROLES_FILE, "utf8"));
    for (const login of LOGINS) await admin.unsafe(`alter role ${login} password '${postgresPasswordOf(login)}'`);
    const urlOf = (login: string, query = ""): string =>
      `postgres://${login}:${postgresPasswordOf(login)}@127.0.0.1:${server.port}/${DATABASE}${query}`;
    const query = certificates === undefined ? "" : `?sslmode=verify-full&sslrootcert=${certificates.files.ca}`;
    await migrateUp(urlOf("rookery_migrator", query));
    return { admin, urlOf, stop: () => admin.end({ timeout: 1 }).then(stop) };
  } catch (error) {
    await stop();
    throw error;
  }
}

interface Speaking {
  readonly folder: string;
  readonly hba: string;
  readonly certificates: TestCertificates;
  readonly data: string;
}

/** The server takes a key only from a file of its own user's. */
async function speakTls(root: Sql, { folder, hba, certificates, data }: Speaking): Promise<void> {
  const { uid, gid } = await stat(data);
  const [cert, key] = [join(folder, "server.pem"), join(folder, "server.key")];
  await copyFile(certificates.files.cert, cert);
  await copyFile(certificates.files.key, key);
  for (const file of [cert, key]) await chown(file, uid, gid);
  await writeFile(hba, rules("hostssl"));
  for (const setting of [`ssl_cert_file = '${cert}'`, `ssl_key_file = '${key}'`, "ssl = on"]) {
    await root.unsafe(`alter system set ${setting}`);
  }
  await root`select pg_reload_conf()`;
}
