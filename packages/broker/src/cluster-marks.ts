// What a Redis says of the cluster it belongs to: one key, claimed once and never changed. Used by belonging.ts.
// Must need no room in Redis: a full one is attached like any other.
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

export interface ClusterMark {
  readonly cluster: string;
  /** New whenever a Redis was found empty. */
  readonly life: string;
}

/** Every method throws ChatError `unavailable` while Redis is away. */
export interface ClusterMarks {
  /** Undefined in a Redis that is new, lost its data, or was last used before there were marks. */
  read(): Promise<ClusterMark | undefined>;
  /** Leaves what stands there already; answers what is in force. */
  claim(mark: ClusterMark): Promise<ClusterMark>;
}

export function createClusterMarks(connection: RedisConnection, keys: Keys): ClusterMarks {
  return {
    read: () =>
      answered(connection, async () => {
        const text = await connection.get(keys.cluster);
        return text === null ? undefined : parseMark(text);
      }),
    claim: ({ cluster, life }) =>
      answered(connection, async () =>
        parseMark(String(await connection.rookeryClaim(keys.cluster, `${cluster} ${life}`))),
      ),
  };
}

/** Whatever else stands there is the mark of a cluster that is none of ours. */
function parseMark(text: string): ClusterMark {
  const [cluster = "", life = ""] = text.split(" ");
  return { cluster, life };
}
