// Reads the address of Postgres from one setting, and says in one line what is wrong with it. Pure but for the file of
// certificates that an address may name. Called by the settings' check and by the driver's file: what the one takes, the
// other connects with, and nothing outside the address has a say.
import { readFileSync } from "node:fs";
import { X509Certificate } from "node:crypto";

/**
 * As libpq means them: `require` encrypts and looks at no certificate, `verify-ca` looks at who signed it, `verify-full`
 * also at the name in it.
 */
export const SSL_MODES = ["disable", "require", "verify-ca", "verify-full"] as const;
export type SslMode = (typeof SSL_MODES)[number];

export interface PostgresAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Empty when none is given. */
  readonly password: string;
  readonly database: string;
  /** `disable` unless the address says otherwise. */
  readonly sslMode: SslMode;
  /** Certificates (PEM) of those who may sign the server's; undefined for the well-known ones. */
  readonly rootCertificates: string | undefined;
}

const SHAPE = /^postgres(?:ql)?:\/\/(?:([^@/?#]*)@)?([^/@?#]+)(?:\/([^/@?#]*))?(?:\?([^@#]*))?$/;
const HOST = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\],%]+)(?::(\d{1,5}))?$/;
const DEFAULT_PORT = 5432;
const PARAMETERS = ["sslmode", "sslrootcert"] as const;

/**
 * Accepts `postgres://user[:password]@host[:port][/database][?sslmode=...&sslrootcert=<file>]`. Throws an Error of one
 * line that repeats no part which may be a password.
 */
export function readPostgresUrl(url: string): PostgresAddress {
  const match = SHAPE.exec(url);
  if (match === null) throw new Error(faultOfShape(url));
  const [, credentials = "", hostText = "", path = "", query = ""] = match;
  const { user, password } = readCredentials(credentials);
  const database = decoded(path, "the name of the database");
  return { ...readHost(hostText), user, password, database: database === "" ? user : database, ...readQuery(query) };
}

/** What most likely kept an address from being read. */
function faultOfShape(url: string): string {
  if (!/^postgres(ql)?:\/\//.test(url)) return "the address of Postgres begins with postgres:// or postgresql://";
  if (/@.*@|[/?#].*@/s.test(url.replace(/^postgres(ql)?:\/\//, ""))) {
    return "in a user name or a password, @ / ? # and % are written as %40 %2F %3F %23 and %25";
  }
  return "the address must look like postgres://user:password@host:5432/database?sslmode=verify-full";
}

function readCredentials(text: string): { readonly user: string; readonly password: string } {
  const colon = text.indexOf(":");
  const user = decoded(colon < 0 ? text : text.slice(0, colon), "the user name");
  if (user === "") throw new Error("the address names no user, and none is taken from elsewhere");
  return { user, password: colon < 0 ? "" : decoded(text.slice(colon + 1), "the password") };
}

function readHost(text: string): { readonly host: string; readonly port: number } {
  if (text.includes(","))
    throw new Error("one host only: put a name or a proxy that follows the primary before several");
  const match = HOST.exec(text);
  const host = match?.[1];
  const port = match?.[2] === undefined ? DEFAULT_PORT : Number(match[2]);
  if (host === undefined || port < 1 || port > 65_535) throw new Error("the host or the port cannot be read");
  return { host: host.startsWith("[") ? host.slice(1, -1) : host, port };
}

function readQuery(query: string): Pick<PostgresAddress, "sslMode" | "rootCertificates"> {
  const given = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!PARAMETERS.some((each) => each === name)) throw new Error(unknownParameter(name));
    if (given.has(name)) throw new Error(`the parameter ${name} is given twice`);
    given.set(name, value);
  }
  const sslMode = readSslMode(given.get("sslmode") ?? "disable");
  const path = given.get("sslrootcert");
  if (path === undefined) return { sslMode, rootCertificates: undefined };
  if (sslMode !== "verify-ca" && sslMode !== "verify-full") {
    throw new Error("sslrootcert is used by sslmode=verify-ca and sslmode=verify-full only");
  }
  return { sslMode, rootCertificates: readCertificates(path) };
}

/** A name that is none may be a password: it is not repeated. */
function unknownParameter(name: string): string {
  const shown = /^[a-z_]{1,40}$/.test(name) ? `the parameter ${name}` : "a parameter";
  return `${shown} is not known; known are ${PARAMETERS.join(" and ")}`;
}

function readSslMode(text: string): SslMode {
  const mode = SSL_MODES.find((each) => each === text);
  if (mode !== undefined) return mode;
  if (text === "allow" || text === "prefer") {
    throw new Error(`sslmode=${text} protects from nobody: it is ${SSL_MODES.join(", ")}`);
  }
  throw new Error(`sslmode is one of ${SSL_MODES.join(", ")}`);
}

function readCertificates(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unreadable";
    throw new Error(`the file of sslrootcert cannot be read (${code})`, { cause: error });
  }
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) throw new Error("the file of sslrootcert holds no certificate (PEM)");
  return blocks.map(readCertificate).join("");
}

function readCertificate(pem: string): string {
  try {
    return new X509Certificate(pem).toString();
  } catch (error) {
    throw new Error("a certificate in the file of sslrootcert cannot be read", { cause: error });
  }
}

function decoded(text: string, what: string): string {
  let plain: string;
  try {
    plain = decodeURIComponent(text);
  } catch (error) {
    throw new Error(`in ${what}, a % that stands for itself is written as %25`, { cause: error });
  }
  // The protocol ends each text with a NUL: what follows one would be read as something else.
  if (plain.includes("\0")) throw new Error(`${what} holds a NUL`);
  return plain;
}
