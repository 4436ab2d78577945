// API keys of backends, by their hash: the key itself is never seen here. Called by the api and the command line.
import { arrayLiteral } from "./array-literal.ts";
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

export interface ApiKeyRow {
  readonly id: number;
  readonly name: string;
  readonly scopes: string[];
}

/** Every method throws ChatError `unavailable` while Postgres is away. */
export interface ApiKeys {
  find(hash: string): Promise<ApiKeyRow | undefined>;
  /** A key that is there already stays as it is. */
  insert(key: { readonly hash: string; readonly name: string; readonly scopes: readonly string[] }): Promise<void>;
}

const FIND = loadStatement("api-key-find");
const INSERT = loadStatement("api-key-insert");

export function createApiKeys(store: Store): ApiKeys {
  return {
    async find(hash) {
      const [row] = await store.read<ApiKeyRow>("API keys", FIND, [hash]);
      return row;
    },
    async insert({ hash, name, scopes }) {
      await store.write("API keys", INSERT, [hash, name, arrayLiteral(scopes)]);
    },
  };
}
