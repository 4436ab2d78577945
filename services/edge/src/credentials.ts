// Which credential an upgrade request carries, and whether its origin may use it. Pure; the door calls it before the socket
// exists. It never verifies a token and never echoes one.

import type { OriginAllowed } from "@rookery/runtime";
import type { UpgradeRequest } from "./upgrade-request.ts";

export type Credential =
  | { readonly kind: "token"; readonly token: string }
  | { readonly kind: "ticket"; readonly ticket: string }
  | { readonly kind: "awaited" }
  | { readonly kind: "refused"; readonly reason: "token_in_query" | "origin" | "cookie_without_origin" };

export const SUB_PROTOCOL = "rookery.v1";
const COOKIE_NAME = "rookery_token";
/** Query parameters under which clients of other systems send tokens; a URL ends up in access logs, so none may enter. */
const TOKEN_PARAMETERS: ReadonlySet<string> = new Set(["token", "access_token", "jwt", "bearer", "authorization"]);
const LOOKS_LIKE_JWT = /^eyJ[\w-]+\.[\w-]*\.[\w-]*$/;

/** Header, then sub-protocol item, then ticket, then cookie, else the first frame must be `auth`: the first match wins. */
export function findCredential(request: UpgradeRequest, originAllowed: OriginAllowed): Credential {
  const query = request.query === "" ? undefined : new URLSearchParams(request.query);
  if (query !== undefined && carriesToken(query)) return { kind: "refused", reason: "token_in_query" };
  const { origin } = request;
  if (origin !== "" && !originAllowed(origin)) return { kind: "refused", reason: "origin" };

  const bearer = /^bearer +(\S+) *$/i.exec(request.authorization)?.[1];
  if (bearer !== undefined) return { kind: "token", token: bearer };
  const item = protocolItems(request.protocols).find((each) => each.startsWith("bearer."));
  if (item !== undefined) return { kind: "token", token: Buffer.from(item.slice(7), "base64url").toString("utf8") };
  const ticket = query?.get("ticket") ?? undefined;
  if (ticket !== undefined) return { kind: "ticket", ticket };
  const cookie = cookieToken(request.cookie);
  if (cookie === undefined) return { kind: "awaited" };
  if (origin === "") return { kind: "refused", reason: "cookie_without_origin" };
  return { kind: "token", token: cookie };
}

/** The sub-protocol to echo: ours when it was offered, otherwise none. */
export function echoedProtocol(protocols: string): string {
  return protocolItems(protocols).includes(SUB_PROTOCOL) ? SUB_PROTOCOL : "";
}

function protocolItems(protocols: string): string[] {
  return protocols.split(",").map((item) => item.trim());
}

function carriesToken(query: URLSearchParams): boolean {
  return [...query].some(([name, value]) => TOKEN_PARAMETERS.has(name.toLowerCase()) || LOOKS_LIKE_JWT.test(value));
}

function cookieToken(header: string): string | undefined {
  const pair = header.split(";").find((each) => each.trim().startsWith(`${COOKIE_NAME}=`));
  return pair?.trim().slice(COOKIE_NAME.length + 1);
}
