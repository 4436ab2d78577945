// What the api counts. Label sets are closed tables: never a user, a channel or a key.
import { ERRORS } from "@rookery/protocol";
import type { ErrorCode } from "@rookery/protocol";
import type { Metrics, PlainCount } from "@rookery/runtime";
import { CHECK_OUTCOMES } from "./callers.ts";
import type { CheckOutcome } from "./callers.ts";

/** Groups of routes; `unknown` is what no route answers. */
export const FAMILIES = [
  "tokens",
  "channels",
  "users",
  "messages",
  "audit",
  "cluster",
  "documents",
  "page",
  "health",
  "unknown",
] as const;
export type Family = (typeof FAMILIES)[number];

const PUBLISH_OUTCOMES = ["new", "duplicate"] as const;
export type PublishCount = (typeof PUBLISH_OUTCOMES)[number] | ErrorCode;

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export interface ApiMetrics {
  /** One finished request; the class is that of its status. */
  answered(family: Family, status: number, tookMs: number): void;
  readonly publishes: Readonly<Record<PublishCount, PlainCount>>;
  readonly credentialChecks: Readonly<Record<CheckOutcome, PlainCount>>;
  readonly rateLimited: Readonly<Record<LimitScope, PlainCount>>;
}

export const LIMIT_SCOPES = ["caller", "address"] as const;
export type LimitScope = (typeof LIMIT_SCOPES)[number];

export function createApiMetrics(metrics: Metrics): ApiMetrics {
  const requests = metrics.counter(
    "rookery_api_requests_total",
    "Requests answered, by family of routes and status class.",
    ["family", "class"],
  );
  const seconds = metrics.histograms(
    "rookery_api_request_seconds",
    "From request to answer.",
    "family",
    FAMILIES,
    SECONDS,
  );
  const outcomes: PublishCount[] = [...PUBLISH_OUTCOMES, ...errorCodes()];
  return {
    answered(family, status, tookMs) {
      requests.inc({ family, class: `${Math.floor(status / 100)}xx` });
      seconds[family].observe(tookMs / 1000);
    },
    publishes: metrics.plainCounters(
      "rookery_api_publishes_total",
      "Messages published, by outcome.",
      "outcome",
      outcomes,
    ),
    credentialChecks: metrics.plainCounters(
      "rookery_api_credential_checks_total",
      "Keys and tokens checked, by outcome.",
      "outcome",
      CHECK_OUTCOMES,
    ),
    rateLimited: metrics.plainCounters(
      "rookery_api_rate_limited_total",
      "Requests refused by a rate limit, by what was counted.",
      "scope",
      LIMIT_SCOPES,
    ),
  };
}

function errorCodes(): ErrorCode[] {
  return Object.keys(ERRORS).filter((code): code is ErrorCode => Object.hasOwn(ERRORS, code));
}
