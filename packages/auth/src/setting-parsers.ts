// The parsers of the settings from which a verifier is made, under the names that the settings loader knows. Handed to it by
// a service's main and by the command line, so that what it takes is what `createVerifier` takes.
import type { SettingParsers } from "@rookery/runtime";
import { readJwksAddress } from "./jwks-keys.ts";
import { readPublicKey, readSecret, readTokenKeys } from "./token-keys.ts";

export const TOKEN_PARSERS = {
  jwtSecret: readSecret,
  jwtPreviousSecret: readSecret,
  jwtPublicKey: readPublicKey,
  jwtJwksUrl: readJwksAddress,
  tokenKeys: readTokenKeys,
} as const satisfies SettingParsers;
