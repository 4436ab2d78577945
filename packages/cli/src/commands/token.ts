// `rookery token create|inspect`: makes user tokens with the secret of this directory's `dev` or of the environment, and
// shows what stands in one. Never prints a secret.
import { createMinter, createVerifier } from "@rookery/auth";
import type { Command } from "commander";
import { dataFolder } from "../chat/endpoint.ts";
import { visibleLine } from "../chat/visible-text.ts";
import { DATA_FOLDER, readClusterFile } from "../cluster-file.ts";
import { EXIT, UsageError } from "../io.ts";
import type { Io } from "../io.ts";
import { userId, wholeNumber } from "../option-values.ts";

interface KeyOptions {
  readonly data?: string;
  readonly json: boolean;
}

interface CreateOptions extends KeyOptions {
  readonly user: string;
  readonly name?: string;
  readonly ttl: number;
}

interface Key {
  readonly secret: string;
  readonly issuer: string;
  readonly audience: string;
}

const HOUR_SEC = 3600;
const LONGEST_TTL_SEC = 30 * 24 * HOUR_SEC;
const DATA_TEXT = `data folder of the \`rookery dev\` whose secret to use (default: ${DATA_FOLDER} here)`;

export function token(command: Command, io: Io): void {
  command
    .command("create")
    .description("make a token; the secret is ROOKERY_JWT_SECRET or that of the cluster running here")
    .requiredOption("--user <id>", "whom it is for", userId)
    .option("--name <text>", "the name others see")
    .option("--ttl <s>", "how long it is good for", wholeNumber(1, LONGEST_TTL_SEC), HOUR_SEC)
    .option("--data <folder>", DATA_TEXT)
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  rookery token create --user alice --ttl 60")
    .action(async (options: CreateOptions) => create(options, io));
  command
    .command("inspect")
    .description("show a token's claims and whether it would be accepted; exit 1 when not")
    .argument("<jwt>", "the token")
    .option("--data <folder>", DATA_TEXT)
    .option("--json", "print JSON", false)
    .addHelpText("after", '\nExample:\n  rookery token inspect "$(rookery token create --user alice)"')
    .action(async (jwt: string, options: KeyOptions) => io.exitWith(await inspect(jwt, options, io)));
}

async function create({ user, name, ttl, ...where }: CreateOptions, io: Io): Promise<void> {
  const key = await findKey(where, io);
  if (key === undefined)
    throw new UsageError("no secret to sign with: set ROOKERY_JWT_SECRET, or start `rookery dev` here");
  const minted = await createMinter(key).mint({ user, name, ttlSec: ttl });
  const { expiresAtMs: expiresAt } = minted;
  io.out(where.json ? JSON.stringify({ token: minted.token, user, expiresAt }) : minted.token);
}

async function inspect(jwt: string, options: KeyOptions, io: Io): Promise<number> {
  const [header, claims] = jwt.split(".").slice(0, 2).map(decoded);
  if (header === undefined || claims === undefined)
    throw new UsageError("this is not a token: expected three parts between dots");
  const key = await findKey(options, io);
  const verdict = key === undefined ? "not checked: no secret here" : await judged(jwt, key);
  if (options.json) io.out(JSON.stringify({ header, claims, verdict }));
  else {
    const shown = [JSON.stringify(header), ...JSON.stringify(claims, undefined, 2).split("\n"), verdict];
    for (const line of shown) io.out(visibleLine(line));
  }
  return verdict.startsWith("refused") ? EXIT.failed : EXIT.done;
}

async function judged(jwt: string, key: Key): Promise<string> {
  const verified = await createVerifier({ ...key, clockToleranceSec: 0 }).verify(jwt);
  if (verified.kind === "refusal") return `refused: ${verified.message}`;
  return `accepted for ${verified.user} until ${new Date(verified.expiresAtMs).toISOString()}`;
}

/** One part of a token as JSON; undefined when it is none. */
function decoded(part: string): object | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What the environment gives goes before the note of a running `dev`. */
async function findKey({ data }: KeyOptions, io: Io): Promise<Key | undefined> {
  const { clusterSettings } = await import("@rookery/node");
  const asked = ["jwtSecret", "jwtIssuer", "jwtAudience"] as const;
  const { jwtSecret, jwtIssuer, jwtAudience } = clusterSettings.load(asked, { env: io.env });
  if (jwtSecret !== undefined) return { secret: jwtSecret, issuer: jwtIssuer, audience: jwtAudience };
  const note = await readClusterFile(dataFolder(data === undefined ? {} : { data }, io));
  if (note?.jwt.secret === undefined) return undefined;
  const { secret, issuer, audience } = note.jwt;
  return { secret, issuer, audience };
}
