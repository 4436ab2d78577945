// Tokens that are signed with a secret (HS256), judged in the turn in which they are asked about: a crowd that connects need
// not wait for WebCrypto, which takes a secret in again for each token and answers some turns later. The signature is ours
// to check, by Node's own HMAC; the claims are jose's. Called by the verifier. Must judge every token just as jose does.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { errors, UnsecuredJWT } from "jose";
import type { JWTPayload, JWTVerifyOptions, ProtectedHeaderParameters } from "jose";

/** Under this header, our own, jose reads claims whose signature is not its to check. */
const UNSIGNED_HEADER = Buffer.from('{"alg":"none"}').toString("base64url");

/**
 * The claims of a token of three parts of base64url, of which `header` is the first. The secrets are tried in order. Refuses
 * by errors of jose what its `jwtVerify` refuses, for the same reason.
 */
export function verifyBySecret(
  token: string,
  { alg }: ProtectedHeaderParameters,
  secrets: readonly KeyObject[],
  rules: JWTVerifyOptions,
): JWTPayload {
  if (typeof alg !== "string" || alg === "") throw new errors.JWSInvalid("no algorithm");
  if (alg !== "HS256") throw new errors.JOSEAlgNotAllowed("another algorithm");
  const end = token.lastIndexOf(".");
  const signature = token.slice(end + 1);
  // No bytes have such a text: Node would leave out the last character, jose refuses it.
  if (signature.length % 4 === 1) throw new errors.JWSInvalid("the signature is not base64url");
  const signed = token.slice(0, end);
  const given = Buffer.from(signature, "base64url");
  if (!secrets.some((secret) => isSignature(given, signed, secret))) throw new errors.JWSSignatureVerificationFailed();
  const claims = signed.slice(signed.indexOf(".") + 1);
  return UnsecuredJWT.decode(`${UNSIGNED_HEADER}.${claims}.`, rules).payload;
}

/** In a time that does not depend on how much of it is right. */
function isSignature(given: Buffer, signed: string, secret: KeyObject): boolean {
  const expected = createHmac("sha256", secret).update(signed).digest();
  return given.length === expected.length && timingSafeEqual(given, expected);
}
