// The rows of settings that any process of ours has, and builders for what this package reads itself: addresses to listen
// on, origins, networks. A table takes them in and says who reads them; `runProcess` asks for those of `processRows`.
import type { TArray, TString } from "typebox";
import { formatNetwork, parseNetwork } from "./network.ts";
import { parseOrigin } from "./origin.ts";
import { integer, list, optionalInteger, optionalText, text, word } from "./settings-row.ts";
import type { AnyRow, SettingRow } from "./settings-row.ts";

const NODE_NAME = {
  pattern: "^[A-Za-z0-9][A-Za-z0-9_-]{0,31}$",
  expected: "1 to 32 of A-Z a-z 0-9 _ -",
  example: "edge-1",
};
const ADDRESS = { pattern: "^[A-Za-z0-9_.:-]+$", expected: "an address or host name to listen on", example: "0.0.0.0" };
const ORIGINS = {
  item: parseOrigin,
  expected: "origins between commas, each scheme://host[:port] with nothing behind it, or the word loopback",
  example: "https://chat.example.com",
  secrecy: "url",
} as const;
const NETWORKS = {
  item: (written: string) => formatNetwork(parseNetwork(written)),
  expected: "IP addresses or networks (CIDR) between commas",
  example: "10.0.0.0/8,fd00::/8",
};

export type ProcessRows = ReturnType<typeof processRows<string, string>>;

/** What `runProcess` and the internal server go by. `servers` are processes of their own, `all` write a log. */
// prettier-ignore
export function processRows<const U extends string, const A extends string>(servers: readonly U[], all: readonly A[]) {
  return {
    nodeName: optionalText("ROOKERY_NODE_NAME", NODE_NAME, servers,
      "first part of the node's id, the service's name if absent; four random characters are added at every start"),
    internalHost: listenHost("ROOKERY_INTERNAL_HOST", "127.0.0.1", servers,
      "address of the internal port: health, metrics, drain"),
    internalPort: integer("ROOKERY_INTERNAL_PORT", 9464, [0, 65_535], "port", servers,
      "internal port, 0 takes a free one"),
    logLevel: word("ROOKERY_LOG_LEVEL", ["info", "trace", "debug", "warn", "error", "fatal", "silent"], all,
      "least severe level that is written"),
    parentPid: optionalInteger("ROOKERY_PARENT_PID", "4242", servers,
      "the process stops by itself once this one is gone"),
  } as const;
}

/** An address to listen on, judged by this machine too before a start. */
export function listenHost<const U extends string>(
  env: AnyRow["env"],
  byDefault: string,
  usedBy: readonly U[],
  meaning: string,
): SettingRow<TString, "default", U> {
  return { ...text(env, byDefault, ADDRESS, usedBy, meaning), listens: true };
}

/** Origins as browsers send them, for `createOriginAllowed`; none by default. */
export function originList<const U extends string>(
  env: AnyRow["env"],
  usedBy: readonly U[],
  meaning: string,
): SettingRow<TArray<TString>, "default", U> {
  return list(env, ORIGINS, usedBy, meaning);
}

/** Addresses and networks in their shortest form, for `createClientAddress`; none by default. */
export function networkList<const U extends string>(
  env: AnyRow["env"],
  usedBy: readonly U[],
  meaning: string,
): SettingRow<TArray<TString>, "default", U> {
  return list(env, NETWORKS, usedBy, meaning);
}
