// The secrets of a `dev` cluster: made at its first start, kept in its data folder for the next. Called once by dev.
// Whoever gives a secret by environment or file has it used instead; it is then never written here.
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newApiKey } from "@rookery/auth";

export interface Secrets {
  readonly apiKey: string;
  readonly jwtSecret: string;
  readonly auditKey: string;
}

/** Reads the folder's secrets; makes those that are missing and keeps them, readable by this user alone. */
export async function keptSecrets(folder: string): Promise<Secrets> {
  const file = join(folder, "secrets.json");
  const kept = new Map<string, unknown>(Object.entries(await readKept(file)));
  const text = (name: keyof Secrets, make: () => string): string => {
    const value = kept.get(name);
    return typeof value === "string" && value !== "" ? value : make();
  };
  const secrets: Secrets = {
    apiKey: text("apiKey", () => newApiKey().key),
    jwtSecret: text("jwtSecret", newSecret),
    auditKey: text("auditKey", newSecret),
  };
  await writeFile(file, `${JSON.stringify(secrets, undefined, 2)}\n`, { mode: 0o600 });
  return secrets;
}

async function readKept(file: string): Promise<object> {
  const text = await readFile(file, "utf8").catch(() => "{}");
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Falls through to the complaint below.
  }
  throw new Error(`${file} cannot be read: put it right, or remove it to have new secrets made`);
}

/** 32 bytes, the output length of SHA-256. */
function newSecret(): string {
  return randomBytes(32).toString("base64url");
}
