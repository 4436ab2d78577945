// API keys of backends, by their hash: the key itself is never seen here. Looked up and noted as used by the api, made and
// revoked by the command line, which needs no running cluster for it.
import { arrayLiteral } from "./array-literal.ts";
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

/** A key that opens something. */
export interface ApiKeyRow {
  readonly id: number;
  readonly name: string;
  readonly scopes: string[];
}

/** Times in ms since the Unix epoch; null for what has not happened. `lastUsedAt` is right to the minute. */
export interface ListedApiKey extends ApiKeyRow {
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
  readonly revokedAt: number | null;
}

/** Who gives the command, for the audit: the name of the machine, and the user's there. */
export interface CommandGiver {
  readonly machine: string;
  readonly user: string;
}

export interface ApiKeyUse {
  readonly id: number;
  /** ms since the Unix epoch */
  readonly at: number;
}

/** Every method throws ChatError `unavailable` while Postgres is away. */
export interface ApiKeys {
  /** Undefined also for one that was revoked. */
  find(hash: string): Promise<ApiKeyRow | undefined>;
  /** Answers the number of the new key. Names need not differ: while a key is replaced, there are two of its name. */
  create(
    key: { readonly hash: string; readonly name: string; readonly scopes: readonly string[] },
    by: CommandGiver,
  ): Promise<number>;
  /** The newest first, revoked ones too. */
  list(limit: number): Promise<ListedApiKey[]>;
  /** Undefined where no key has this number. `wasValid`: it was not revoked before. */
  revoke(id: number, by: CommandGiver): Promise<{ readonly name: string; readonly wasValid: boolean } | undefined>;
  /** Each key once. */
  used(uses: readonly ApiKeyUse[]): Promise<void>;
}

const FIND = loadStatement("api-key-find");
const CREATE = loadStatement("api-key-create");
const LIST = loadStatement("api-keys-list");
const REVOKE = loadStatement("api-key-revoke");
const USED = loadStatement("api-keys-used");
const SUBJECT = "API keys";

export function createApiKeys(store: Store): ApiKeys {
  return {
    async find(hash) {
      const [row] = await store.read<ApiKeyRow>(SUBJECT, FIND, [hash]);
      return row;
    },
    async create({ hash, name, scopes }, { machine, user }) {
      const parameters = [hash, name, arrayLiteral(scopes), machine, user];
      const [row] = await store.write<{ id: number }>(SUBJECT, CREATE, parameters);
      if (row === undefined) throw new Error("a key was made and has no number");
      return row.id;
    },
    list: (limit) => store.read<ListedApiKey>(SUBJECT, LIST, [limit]),
    async revoke(id, { machine, user }) {
      const [row] = await store.write<{ name: string; wasValid: boolean }>(SUBJECT, REVOKE, [id, machine, user]);
      return row;
    },
    async used(uses) {
      const ids = arrayLiteral(uses.map(({ id }) => id));
      await store.write(SUBJECT, USED, [ids, arrayLiteral(uses.map(({ at }) => at))]);
    },
  };
}
