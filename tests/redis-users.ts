// Reads deploy/redis/users.acl as `deploy/compose/secrets.sh` makes an aclfile of it, with passwords of a test. Called by the
// tests of who may do what in Redis; pure but for the file.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { ServiceKind } from "./service-process.ts";

export const passwordOf = (user: string): string => `password-of-${user}`;
const digestOf = (password: string): string => createHash("sha256").update(password).digest("hex");

/** One line a user, as Redis reads them. */
export function userLines(file = "deploy/redis/users.acl"): string[] {
  const lines = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const joined = lines.join("\n").replaceAll(/\n +/g, " ");
  return joined.replaceAll(/#DIGEST_OF_([a-z]+)/g, (_, name: string) => `#${digestOf(passwordOf(name))}`).split("\n");
}

/** What `ACL SETUSER` takes of a user's line. */
export const rulesOf = (user: string): string[] => {
  const words = userLines()
    .find((line) => line.startsWith(`user ${user} `))
    ?.split(" ");
  if (words === undefined) throw new Error(`users.acl knows no user ${user}`);
  return words.slice(1);
};

/** The address of a Redis, entered as another user. */
export const enteredAs = (url: string, user: ServiceKind, password = passwordOf(user)): string =>
  url.replace(/:\/\/[^@/]*@/, `://${user}:${password}@`);
