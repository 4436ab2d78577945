// What may never change while a cluster lives, as Postgres keeps it: written at the first start, read at every other one.
// Used by partition-count.ts and cluster-ledger.ts. Must never write what stands already: a Postgres that is full or
// read-only is no reason to refuse a start.
import type { Store } from "./connect.ts";
import { loadStatement } from "./statement.ts";

const FIND = loadStatement("cluster-setting-find");
const CLAIM = loadStatement("cluster-setting-claim");

const SUBJECT = "settings of the cluster";

/** What is in force, which is `value` if nothing was. Throws ChatError `unavailable` while Postgres is away. */
export async function claimSetting(store: Store, name: string, value: string): Promise<string> {
  const find = async (): Promise<string | undefined> => {
    const [row] = await store.read<{ value: string }>(SUBJECT, FIND, [name]);
    return row?.value;
  };
  const known = await find();
  if (known !== undefined) return known;
  await store.write(SUBJECT, CLAIM, [name, value]);
  return (await find()) ?? value;
}
