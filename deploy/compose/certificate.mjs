// @ts-check
// Makes the certificate that the balancer of docker-compose.yml shows: `node certificate.mjs <file> <name> ...`, where a name
// is a DNS name or an IPv4 address. Self-signed, for trying things out: whoever has a real one puts it into the file, key and
// all, and it is left alone as long as it holds. Nothing but Node, since that image is there anyway. DER by RFC 5280.
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { isIPv4 } from "node:net";

const DAY_MS = 86_400_000;
const HOLDS_MS = 365 * DAY_MS;
/** One that ends sooner is replaced at a start. */
const RENEWED_BEFORE_MS = 30 * DAY_MS;

const TAG = { integer: 0x02, bits: 0x03, bytes: 0x04, oid: 0x06, text: 0x0c, time: 0x17, sequence: 0x30, set: 0x31 };
/** Identifiers in their DER form. */
const OID = { commonName: "550403", altName: "551d11", ecdsaSha256: "2a8648ce3d040302" };
/** Choices of a GeneralName, RFC 5280 section 4.2.1.6. */
const NAMED = { dns: 0x82, address: 0x87 };

/**
 * @param {number} tag
 * @param {readonly Uint8Array[]} parts
 */
const der = (tag, ...parts) => {
  const body = Buffer.concat(parts);
  const length = body.length < 0x80 ? [body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};
/** @param {string} hex */
const oid = (hex) => der(TAG.oid, Buffer.from(hex, "hex"));
/** @param {number} ms */
const time = (ms) => der(TAG.time, Buffer.from(`${new Date(ms).toISOString().slice(2, 19).replaceAll(/[-T:]/g, "")}Z`));
/** @param {string} name */
const general = (name) =>
  isIPv4(name) ? der(NAMED.address, Buffer.from(name.split(".").map(Number))) : der(NAMED.dns, Buffer.from(name));

/**
 * Certificate and key, in the one file that haproxy reads.
 * @param {readonly string[]} names
 */
const selfSigned = (names) => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = der(TAG.sequence, oid(OID.ecdsaSha256));
  const self = der(
    TAG.sequence,
    der(TAG.set, der(TAG.sequence, oid(OID.commonName), der(TAG.text, Buffer.from("Rookery, self-signed")))),
  );
  const nowMs = Date.now();
  const content = der(
    TAG.sequence,
    der(0xa0, der(TAG.integer, Buffer.from([2]))),
    // A first bit of 1 would make the serial number negative.
    der(TAG.integer, Buffer.from([0x01]), randomBytes(8)),
    algorithm,
    self,
    der(TAG.sequence, time(nowMs - DAY_MS), time(nowMs + HOLDS_MS)),
    self,
    publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      der(TAG.sequence, der(TAG.sequence, oid(OID.altName), der(TAG.bytes, der(TAG.sequence, ...names.map(general))))),
    ),
  );
  const signature = sign("sha256", content, { key: privateKey, dsaEncoding: "der" });
  const whole = der(TAG.sequence, content, algorithm, der(TAG.bits, Buffer.from([0]), signature));
  const lines = whole.toString("base64").match(/.{1,64}/g) ?? [];
  const pem = ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
  return pem + privateKey.export({ type: "pkcs8", format: "pem" });
};

/** @param {string} file */
const holds = (file) =>
  existsSync(file) && Date.parse(new X509Certificate(readFileSync(file)).validTo) > Date.now() + RENEWED_BEFORE_MS;

const [file = "", ...names] = process.argv.slice(2);
if (file === "" || names.length === 0) {
  process.stderr.write("usage: certificate.mjs <file> <name> ...\n");
  process.exitCode = 2;
} else if (!holds(file)) {
  // Read by the balancer's own user, to which this one cannot give it; nobody else mounts the folder.
  writeFileSync(`${file}.new`, selfSigned(names), { mode: 0o644 });
  renameSync(`${file}.new`, file);
  process.stdout.write(`${file}: a new certificate for ${names.join(", ")}\n`);
}
