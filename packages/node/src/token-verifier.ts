// What a token must be signed with and must say, by the settings: they have already made sure that one key is there.
import { createVerifier } from "@rookery/auth";
import type { Verifier } from "@rookery/auth";
import type { SettingsContext } from "./settings-context.ts";

export function createTokenVerifier({
  settings,
  log,
}: Pick<
  SettingsContext<
    | ("jwtSecret" | "jwtPreviousSecret" | "jwtPublicKey" | "jwtJwksUrl" | "jwtAlgorithms")
    | ("jwtIssuer" | "jwtAudience" | "clockToleranceSec")
  >,
  "settings" | "log"
>): Verifier {
  return createVerifier({
    issuer: settings.jwtIssuer,
    audience: settings.jwtAudience,
    clockToleranceSec: settings.clockToleranceSec,
    algorithms: settings.jwtAlgorithms,
    secret: settings.jwtSecret,
    previousSecret: settings.jwtPreviousSecret,
    publicKeyPem: settings.jwtPublicKey,
    jwksUrl: settings.jwtJwksUrl,
    onKeyFault: (err) => log.warn({ err }, "the issuer's keys cannot be fetched"),
  });
}
