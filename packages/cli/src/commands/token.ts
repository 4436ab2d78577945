// `rookery token create|inspect|revoke`: makes user tokens, by the api or with the secret of this directory's `dev` or of the
// environment, shows what stands in one, and has them revoked. Never prints a secret.
import { createMinter, createVerifier } from "@rookery/auth";
import type { Command } from "commander";
import { dataFolder } from "../chat/endpoint.ts";
import { visibleLine } from "../chat/visible-text.ts";
import { DATA_FOLDER, readClusterFile } from "../cluster-file.ts";
import { addApiOptions, namesApi } from "../control/api-address.ts";
import type { ApiOptions } from "../control/api-address.ts";
import { apiSubcommand, ask, printEffect } from "../control/api-command.ts";
import { EXIT, UsageError } from "../io.ts";
import type { Io } from "../io.ts";
import { momentMs, userId, wholeNumber } from "../option-values.ts";

interface KeyOptions {
  readonly data?: string;
  readonly json: boolean;
}

interface CreateOptions extends ApiOptions {
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
/** A token has at most 8 KiB. */
const MOST_INPUT_CHARS = 16_384;
const LONGEST_TTL_SEC = 30 * 24 * HOUR_SEC;
const DATA_TEXT = `data folder of the \`rookery dev\` whose secret to use (default: ${DATA_FOLDER} here)`;

interface RevokeOptions extends ApiOptions {
  readonly jti?: string;
  readonly user?: string;
  readonly issuedBefore?: number;
}

export function token(command: Command, io: Io): void {
  addApiOptions(
    command
      .command("create")
      .description(
        "make a token: by the api when it is named, else with ROOKERY_JWT_SECRET or the cluster running here",
      )
      .requiredOption("--user <id>", "whom it is for", userId)
      .option("--name <text>", "the name others see")
      .option("--ttl <s>", "how long it is good for", wholeNumber(1, LONGEST_TTL_SEC), HOUR_SEC),
  )
    .addHelpText("after", "\nExample:\n  rookery token create --user alice --ttl 60")
    .action(async (options: CreateOptions) => {
      if (namesApi(options, io)) await askForToken(options, io);
      else await create(options, io);
    });
  command
    .command("inspect")
    .description("show a token's claims and whether it would be accepted; exit 1 when not")
    .argument("<jwt>", "the token; - reads it from standard input")
    .option("--data <folder>", DATA_TEXT)
    .option("--json", "print JSON", false)
    .addHelpText("after", "\nExample:\n  rookery token create --user alice | rookery token inspect -")
    .action(async (jwt: string, options: KeyOptions) => io.exitWith(await inspect(await given(jwt, io), options, io)));
  apiSubcommand(command, "revoke", {
    summary:
      "end tokens before their time, on every node: one of them, a user's, or all that were issued until a moment",
    example: "rookery token revoke --user alice",
  })
    .argument("[jwt]", "this token; - reads it from standard input")
    .option("--jti <id>", "the token with this id")
    .option("--user <id>", "all that this user has, refresh tokens too", userId)
    .option("--issued-before <time>", "everybody's, issued until then: such as 2026-01-31T12:00:00Z", momentMs)
    .action(async (jwt: string | undefined, options: RevokeOptions) => revoke(jwt, options, io));
}

/** A token stands on no command line that other users of the machine see, unless somebody puts it there. */
async function given(jwt: string, io: Io): Promise<string> {
  if (jwt !== "-") return jwt;
  let text = "";
  for await (const part of io.entry().input) {
    text += String(part);
    if (text.length > MOST_INPUT_CHARS) throw new UsageError("standard input holds more than a token");
  }
  return text.trim();
}

async function askForToken({ user, name, ttl: ttlSec, ...options }: CreateOptions, io: Io): Promise<void> {
  const body = { user, ttlSec, ...(name === undefined ? {} : { name }) };
  const made = await ask(options, io, { method: "POST", path: ["tokens"], body });
  io.out(options.json ? JSON.stringify(made) : String(made["token"]));
}

async function revoke(jwt: string | undefined, options: RevokeOptions, io: Io): Promise<void> {
  const { user, issuedBefore: issuedBeforeMs } = options;
  const jti = jwt === undefined ? options.jti : jtiOf(await given(jwt, io));
  const asked = Object.entries({ jti, user, issuedBeforeMs }).filter(([, value]) => value !== undefined);
  if (asked.length !== 1 || (jwt !== undefined && options.jti !== undefined)) {
    throw new UsageError("say which: a token, --jti <id>, --user <id> or --issued-before <time>, just one of them");
  }
  const answer = await ask(options, io, { method: "POST", path: ["revocations"], body: Object.fromEntries(asked) });
  printEffect(answer, options, io, "revoked");
}

function jtiOf(jwt: string): string {
  const claims = decoded(jwt.split(".")[1] ?? "");
  if (claims === undefined) throw new UsageError("this is not a token: expected three parts between dots");
  const jti = "jti" in claims ? claims.jti : undefined;
  if (typeof jti === "string" && jti !== "") return jti;
  throw new UsageError("this token has no id of its own (jti): revoke what its user has with --user");
}

async function create({ user, name, ttl, ...where }: CreateOptions, io: Io): Promise<void> {
  const key = await findKey(where, io);
  if (key === undefined)
    throw new UsageError(
      "no secret to sign with: set ROOKERY_JWT_SECRET, or RK_API and RK_API_KEY to ask an api, start `rookery dev` here, or name its folder with --data",
    );
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
async function findKey({ data }: Pick<KeyOptions, "data">, io: Io): Promise<Key | undefined> {
  const { clusterSettings } = await import("@rookery/node");
  const asked = ["jwtSecret", "jwtIssuer", "jwtAudience"] as const;
  const { jwtSecret, jwtIssuer, jwtAudience } = clusterSettings.load(asked, { env: io.env });
  if (jwtSecret !== undefined) return { secret: jwtSecret, issuer: jwtIssuer, audience: jwtAudience };
  const note = await readClusterFile(dataFolder(data === undefined ? {} : { data }, io));
  if (note?.jwt.secret === undefined) return undefined;
  const { secret, issuer, audience } = note.jwt;
  return { secret, issuer, audience };
}
