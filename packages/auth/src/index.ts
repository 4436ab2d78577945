// Tokens and API keys: verify, mint, hash. Other packages import from here only.
export { hashApiKey, isApiKey, matchesApiKey, newApiKey, SCOPES } from "./api-key.ts";
export type { Scope } from "./api-key.ts";
export { readJwksAddress } from "./jwks-keys.ts";
export { createMinter, refreshAtMs, RESERVED_CLAIMS } from "./minter.ts";
export type { Minter } from "./minter.ts";
export { createPasswords } from "./passwords.ts";
export type { Passwords, PasswordsOptions } from "./passwords.ts";
export { packTicket, unpackTicket } from "./ticket.ts";
export type { TicketBearer } from "./ticket.ts";
export { readPublicKey, readSecret, readTokenKeys } from "./token-keys.ts";
export type { KeyOptions } from "./token-keys.ts";
export { createVerifier } from "./verifier.ts";
export type { Verified, Verifier, VerifierOptions } from "./verifier.ts";
