// What an error looks like over HTTP: the one file where a refusal becomes a problem document (RFC 9457) and where
// errors of the framework become refusals. Called by the server's error handlers; it must never show text of a fault.
import { ChatError, ERRORS } from "@rookery/protocol";
import type { ErrorCode } from "@rookery/protocol";
import Type from "typebox";
import type { Static } from "typebox";

export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

const CODES = Object.keys(ERRORS).filter((code): code is ErrorCode => Object.hasOwn(ERRORS, code));

export const ProblemSchema = Type.Object({
  type: Type.String({ description: "name of the kind of problem, `urn:rookery:error:<code>`" }),
  title: Type.String({ description: "what the code means" }),
  status: Type.Integer(),
  detail: Type.String({ description: "what is wrong with this request" }),
  code: Type.Enum(CODES, { description: "what programs decide by" }),
  retry: Type.Enum(["never", "later", "after_auth"], { description: "when the same request can succeed" }),
  retryAfterMs: Type.Optional(Type.Number()),
  channel: Type.Optional(Type.String()),
  until: Type.Optional(Type.Number({ description: "milliseconds since the Unix epoch" })),
});
export type Problem = Static<typeof ProblemSchema>;

/** Of what a frame cannot be refused for, and so has no status in the protocol's table. */
export const METHOD_STATUS = 405;

/** Status, unless HTTP has one of its own for the case, and title come from the protocol's table; `type` is a name. */
export function problemOf(error: ChatError, status: number = ERRORS[error.code].http): Problem {
  const { retry, meaning } = ERRORS[error.code];
  const type = `urn:rookery:error:${error.code}`;
  return { type, title: meaning, status, detail: error.message, code: error.code, retry, ...error.details };
}

/** Headers that belong to a problem: when to come back (RFC 9110, 10.2.3) and how to show who one is (11.6.1). */
export function problemHeaders({ status, retryAfterMs }: Problem): Record<string, string> {
  const headers: Record<string, string> = {
    "content-type": PROBLEM_TYPE,
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  };
  if (retryAfterMs !== undefined) headers["retry-after"] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
  if (status === ERRORS.unauthenticated.http) headers["www-authenticate"] = "Bearer";
  return headers;
}

interface FrameworkRefusal {
  readonly code: ErrorCode;
  readonly message: string;
}

const NOT_JSON = { code: "bad_frame", message: "the body must be JSON in UTF-8" } as const;
const TOO_LARGE = { code: "too_large", message: "the body is over its limit" } as const;
const BAD_REQUEST = { code: "bad_frame", message: "the request cannot be understood" } as const;

/** By the framework's own code; what is not listed goes by its status. */
const BY_FRAMEWORK_CODE: ReadonlyMap<string, FrameworkRefusal> = new Map<string, FrameworkRefusal>([
  ["FST_ERR_CTP_BODY_TOO_LARGE", TOO_LARGE],
  ["FST_ERR_CTP_INVALID_MEDIA_TYPE", { code: "bad_frame", message: "send the body as application/json" }],
  ["FST_ERR_CTP_INVALID_JSON_BODY", NOT_JSON],
  ["FST_ERR_CTP_EMPTY_JSON_BODY", NOT_JSON],
  ["FST_ERR_BAD_URL", { code: "bad_frame", message: "the path is not well formed" }],
  ["FST_ERR_MAX_PARAM_LENGTH", { code: "invalid", message: "a part of the path is too long" }],
]);

const BY_STATUS: ReadonlyMap<number, FrameworkRefusal> = new Map<number, FrameworkRefusal>([
  [400, BAD_REQUEST],
  [404, { code: "not_found", message: "there is nothing here" }],
  [408, BAD_REQUEST],
  [413, TOO_LARGE],
  [414, BAD_REQUEST],
  [415, BAD_REQUEST],
  [431, { code: "too_large", message: "the headers are over their limit" }],
]);

/** The refusal that an error stands for; undefined for a fault of ours, which is logged and answered as `internal`. */
export function refusalOf(error: unknown): ChatError | undefined {
  if (error instanceof ChatError) return error;
  if (!(error instanceof Error)) return undefined;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const status = "statusCode" in error && typeof error.statusCode === "number" ? error.statusCode : 0;
  // The JSON parser tells forbidden keys by a SyntaxError with a status.
  const found = BY_FRAMEWORK_CODE.get(code) ?? (error instanceof SyntaxError && status === 400 ? NOT_JSON : undefined);
  const refusal = found ?? BY_STATUS.get(status);
  return refusal === undefined ? undefined : new ChatError(refusal.code, refusal.message);
}

/** What a client is told of a fault. */
export function faultOf(): ChatError {
  return new ChatError("internal", "the request failed through a fault of the server");
}
