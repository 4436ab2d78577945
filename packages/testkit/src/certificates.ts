// Makes a CA and a certificate of 127.0.0.1 signed by it, with nothing but Node: a machine without openssl can test TLS too.
// Called by tests whose servers show certificates. Must never be used for anything but a test: keys lie in a plain file.
// What is written here is DER by ITU-T X.690 and RFC 5280.
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import type { TlsFiles } from "@rookery/servers";

export interface TestCertificates {
  /** The CA's own certificate, in PEM. */
  readonly ca: string;
  /** What a server of this CA is started with. */
  readonly files: TlsFiles;
}

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bits: 0x03,
  bytes: 0x04,
  oid: 0x06,
  text: 0x0c,
  time: 0x17,
  sequence: 0x30,
  set: 0x31,
};
/** Identifiers in their DER form. */
const OID = { commonName: "550403", basicConstraints: "551d13", altName: "551d11", ecdsaSha256: "2a8648ce3d040302" };
const TEN_YEARS_MS = 10 * 365 * 86_400_000;

const der = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(parts);
  const length = body.length < 0x80 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
const oid = (hex: string): Buffer => der(TAG.oid, Buffer.from(hex, "hex"));
const nameOf = (name: string): Buffer =>
  der(TAG.sequence, der(TAG.set, der(TAG.sequence, oid(OID.commonName), der(TAG.text, Buffer.from(name)))));
const timeOf = (ms: number): Buffer =>
  der(TAG.time, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replaceAll(/[-T:]/g, "")}Z`));
const extension = (id: string, value: Buffer): Buffer => der(TAG.sequence, oid(id), der(TAG.bytes, value));

const IS_CA = extension(OID.basicConstraints, der(TAG.sequence, der(TAG.boolean, Buffer.from([0xff]))));
/** `iPAddress` of the choice in RFC 5280 4.2.1.6. */
const IS_LOOPBACK = extension(OID.altName, der(TAG.sequence, der(0x87, Buffer.from([127, 0, 0, 1]))));

interface Wanted {
  readonly issuer: string;
  readonly signedWith: KeyObject;
  readonly subject: string;
  readonly key: KeyObject;
  readonly says: Buffer;
}

const certificate = ({ issuer, signedWith, subject, key, says }: Wanted): string => {
  const algorithm = der(TAG.sequence, oid(OID.ecdsaSha256));
  const now = Date.now();
  const content = der(
    TAG.sequence,
    der(0xa0, der(TAG.integer, Buffer.from([2]))),
    // A first bit of 1 would make the serial number negative.
    der(TAG.integer, Buffer.from([0x01]), randomBytes(8)),
    algorithm,
    nameOf(issuer),
    der(TAG.sequence, timeOf(now - 86_400_000), timeOf(now + TEN_YEARS_MS)),
    nameOf(subject),
    key.export({ type: "spki", format: "der" }),
    der(0xa3, der(TAG.sequence, says)),
  );
  const signature = sign("sha256", content, { key: signedWith, dsaEncoding: "der" });
  const whole = der(TAG.sequence, content, algorithm, der(TAG.bits, Buffer.from([0]), signature));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
};

/** Call it at the top level of a test file; its files go after the last test. */
export const testCertificates = async (): Promise<TestCertificates> => {
  const folder = await mkdtemp(join(tmpdir(), "rookery-certificates-"));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const [authority, server] = [0, 1].map(() => generateKeyPairSync("ec", { namedCurve: "P-256" }));
  if (authority === undefined || server === undefined) throw new Error("no keys");
  const issued = { issuer: `test CA ${randomBytes(4).toString("hex")}`, signedWith: authority.privateKey };
  const ca = certificate({ ...issued, subject: issued.issuer, key: authority.publicKey, says: IS_CA });
  const own = certificate({ ...issued, subject: "a test's server", key: server.publicKey, says: IS_LOOPBACK });
  const files = { ca: join(folder, "ca.pem"), cert: join(folder, "server.pem"), key: join(folder, "server.key") };
  await writeFile(files.ca, ca);
  await writeFile(files.cert, own);
  await writeFile(files.key, server.privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  return { ca, files };
};
