// Reads the address of Redis from one setting, a single server, Sentinel or Cluster, and whose certificates are trusted
// there. Pure; called by connect.ts and by the table of settings.
import { X509Certificate } from "node:crypto";

export interface RedisHost {
  readonly host: string;
  readonly port: number;
}

/** Where Redis is and how to enter it. `master` is the name Sentinel knows the group by. */
export interface RedisAddress {
  readonly topology: "single" | "sentinel" | "cluster";
  readonly tls: boolean;
  readonly hosts: readonly RedisHost[];
  readonly username?: string;
  readonly password?: string;
  readonly master?: string;
}

const SHAPE = /^(redis|rediss)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/@?#]+)(?:\/([^@?#]*))?$/;
const HOST = /^(\[[0-9a-fA-F:.]+\]|[^\s:[\]%]+)(?::(\d{1,5}))?$/;
const DEFAULT_PORTS = { single: 6379, cluster: 6379, sentinel: 26_379 } as const;

/**
 * Accepts `redis://[user:password@]host:port[/0]`, `redis+sentinel://h1:p,h2:p/master[/0]` and
 * `redis+cluster://h1:p,h2:p`; `rediss` asks for TLS. Throws an Error of one line that repeats nothing of the address: where
 * it is wrong, any part of it may be a password. Another database than 0 is refused: topics know no database, so clusters
 * in two of them would hear each other.
 */
export function parseRedisUrl(url: string): RedisAddress {
  const match = SHAPE.exec(url);
  if (match === null) throw new Error(faultOfShape(url));
  const [, scheme, kind, credentials, hostList = "", path = ""] = match;
  const topology = kind === "sentinel" || kind === "cluster" ? kind : "single";
  const hosts = hostList.split(",").map((text) => parseHost(text, DEFAULT_PORTS[topology]));
  if (topology === "single" && hosts.length > 1)
    throw new Error("several Redis hosts need redis+sentinel:// or redis+cluster://");
  return {
    topology,
    tls: scheme === "rediss",
    hosts,
    ...parseCredentials(credentials),
    ...parsePath(topology, path),
  };
}

const FORMS = "redis://host:6379, redis+sentinel://h1,h2/master or redis+cluster://h1,h2";

/** What most likely kept an address from being read. */
function faultOfShape(url: string): string {
  if (/@.*@|[/?#].*@/s.test(url.replace(/^[a-z+]*:\/\//i, ""))) {
    return "in a user name or a password, @ / ? # and % are written as %40 %2F %3F %23 and %25";
  }
  if (/[?#]/.test(url)) return "the Redis address takes no parameters behind ? or #";
  return `the Redis address must look like ${FORMS}`;
}

function parseHost(text: string, defaultPort: number): RedisHost {
  const match = HOST.exec(text);
  const host = match?.[1];
  const port = match?.[2] === undefined ? defaultPort : Number(match[2]);
  if (host === undefined || port < 1 || port > 65_535) throw new Error("the Redis address holds a bad host or port");
  return { host: host.startsWith("[") ? host.slice(1, -1) : host, port };
}

function parseCredentials(text: string | undefined): { username?: string; password?: string } {
  if (text === undefined || text === "") return {};
  const colon = text.indexOf(":");
  if (colon < 0) throw new Error("a user name needs a password behind it, as in redis://user:password@host");
  const username = decoded(text.slice(0, colon));
  return { ...(username === "" ? {} : { username }), password: decoded(text.slice(colon + 1)) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error("in a user name or a password, a % that stands for itself is written as %25");
  }
}

function parsePath(topology: RedisAddress["topology"], path: string): { master?: string } {
  const parts = path === "" ? [] : path.split("/");
  const master = topology === "sentinel" ? parts.shift() : undefined;
  const [databaseText = "0", ...rest] = parts;
  if (topology === "sentinel" && (master === undefined || master === "")) {
    throw new Error("a Sentinel address must end with the name of its master, as in redis+sentinel://h1,h2/mymaster");
  }
  if (!/^\d{1,4}$/.test(databaseText) || rest.length > 0)
    throw new Error("the Redis address has a bad database behind its last /");
  if (Number(databaseText) !== 0)
    throw new Error("only database 0 of a Redis can be used, since all its databases share their topics");
  return master === undefined ? {} : { master };
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Certificates in PEM, whatever stands between them. Throws an Error of one line for text that holds none. */
export function readRedisCa(text: string): string {
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) throw new Error("it holds no certificate in PEM");
  for (const block of blocks) readCertificate(block);
  return blocks.join("\n");
}

function readCertificate(block: string): void {
  try {
    // Reading it is the check.
    void new X509Certificate(block).subject;
  } catch (error) {
    throw new Error("it holds a certificate that cannot be read", { cause: error });
  }
}
