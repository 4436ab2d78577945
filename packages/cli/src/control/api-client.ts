// Asks the api one thing, and tells a refusal in words with what to do about it. Called by commands; must never print,
// repeat or follow a redirect with the key.
import { messageOf, UsageError } from "../io.ts";
import { tlsHint } from "../chat/tls-hint.ts";
import { visibleLine } from "../chat/visible-text.ts";
import type { ApiAddress } from "./api-address.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export interface ApiQuestion {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Parts of the path behind `/v1`, each as it is. */
  readonly path: readonly string[];
  /** What is undefined is left out. */
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly body?: JsonObject;
}

/** Above the two seconds that a receipt may take, and what a store that is away takes to be found out. */
const ANSWERS_WITHIN_MS = 15_000;

/** What to do about a refusal, where its own words do not say it. */
const ADVICE: ReadonlyMap<string, string> = new Map([
  ["unauthenticated", "set RK_API_KEY, or RK_API_KEY_FILE, to a key of this cluster; `rookery key create` makes one"],
  ["forbidden", "`rookery key create --scope <scope>` makes a key that may"],
  ["unavailable", "nothing was changed; try again"],
  ["overloaded", "nothing was changed; try again"],
  ["unknown", "it may or may not have been done; ask again, a repeat does no harm"],
]);

/** The answer. Throws an Error of one line for a refusal, and for an api that is not there. */
export async function askApi({ api, key }: ApiAddress, question: ApiQuestion): Promise<JsonObject> {
  const { method, body } = question;
  const answer = await fetch(urlOf(api, question), {
    method,
    redirect: "error",
    signal: AbortSignal.timeout(ANSWERS_WITHIN_MS),
    headers: {
      authorization: `Bearer ${key}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch((error: unknown) => {
    const why = messageOf(error);
    const mend = /certificate/.test(why)
      ? "the file that NODE_EXTRA_CA_CERTS names holds a CA of your own"
      : (tlsHint(api, why) ?? "is it running? --api or RK_API says where it is");
    throw new Error(`${api} does not answer: ${why} (${mend})`);
  });
  const content: unknown = await answer.json().catch(() => undefined);
  if (!isObject(content))
    throw new Error(`${api} is no api of this cluster: it answered HTTP ${answer.status} without JSON`);
  if (!answer.ok) throw new Error(refusalText(content, answer.status));
  return content;
}

/** A part of dots alone would take the part before it away, however it is escaped. */
function urlOf(api: string, { path, query = {} }: ApiQuestion): URL {
  const dots = path.find((part) => /^\.{1,2}$/.test(part));
  if (dots !== undefined) throw new UsageError(`"${dots}" cannot stand in a path: the api cannot be asked about it`);
  const url = new URL(`/v1/${path.map((part) => encodeURIComponent(part)).join("/")}`, api);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  return url;
}

/** `<code>: <what is wrong>`, and what can be done about it. */
function refusalText({ code, detail, retryAfterMs }: JsonObject, status: number): string {
  const name = typeof code === "string" ? code : `HTTP ${status}`;
  const words = typeof detail === "string" ? detail : "the api gave no reason";
  const later = typeof retryAfterMs === "number" ? `again in ${Math.ceil(retryAfterMs / 1000)} s` : undefined;
  const advice = later ?? ADVICE.get(name);
  return visibleLine(`${name}: ${words}${advice === undefined ? "" : ` (${advice})`}`);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
