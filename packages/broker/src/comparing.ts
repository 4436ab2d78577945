// The persister's side of a Redis that may know less than Postgres: it was promoted, or started again, after Postgres had been
// given what it has lost. Told by the replication id of the server, of one partition at a time. What it tells is read afresh each
// time; what it does may be repeated at will.
// Must raise no head before Postgres has all that stood in the outbox when the server was found to be another one.
import { formatPosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { answered } from "./answered.ts";
import type { RedisConnection } from "./connect.ts";
import type { Keys } from "./keys.ts";

/** A partition whose server is another one than that whose heads were compared last. */
export interface Renewed {
  readonly partition: number;
  /** The replication id of that server. */
  readonly serving: string;
  /** The entry that was numbered last when it was found. */
  readonly last: string;
}

/** Every method throws ChatError `unavailable`. */
export interface Comparing {
  /** Undefined while the server is the one that was compared, and where nothing was ever numbered. */
  renewed(partition: number): Promise<Renewed | undefined>;
  /** Whether all that stood in the outbox then is in Postgres. */
  isDrained(renewed: Renewed): Promise<boolean>;
  /** Some channels of which the log may hold something that Postgres has; all of them from cursor to cursor, "0" at both ends. */
  channels(partition: number, cursor: string): Promise<{ readonly channels: readonly string[]; readonly next: string }>;
  /** Answers how many of the heads stood below these positions and do so no longer. */
  raise(lasts: ReadonlyMap<string, Position>): Promise<number>;
  /** The heads are compared, unless the server is another one again. */
  compared(renewed: Renewed): Promise<void>;
}

/** Heads in one run of the script: about half a millisecond of Redis. */
const HEADS_PER_RUN = 100;
const CHANNELS_AT_ONCE = 500;

export function createComparing({
  connection,
  keys,
}: {
  readonly connection: RedisConnection;
  readonly keys: Keys;
}): Comparing {
  async function look(partition: number, until: string) {
    const { part, outbox } = keys.partition(partition);
    const reply: unknown = await answered(connection, () => connection.rookeryLookCompared(part, outbox, until));
    const [serving, compared, last, waits]: unknown[] = Array.isArray(reply) ? reply : [];
    return { serving: String(serving), compared: String(compared), last: String(last), waits: waits !== 0 };
  }

  return {
    async renewed(partition) {
      const { serving, compared, last } = await look(partition, "");
      return last === "" || serving === compared ? undefined : { partition, serving, last };
    },
    isDrained: async ({ partition, last }) => !(await look(partition, last)).waits,
    async channels(partition, cursor) {
      const { shed } = keys.partition(partition);
      const [next, flat] = await answered(connection, () => connection.zscan(shed, cursor, "COUNT", CHANNELS_AT_ONCE));
      return { next, channels: flat.filter((_, at) => at % 2 === 0) };
    },
    async raise(lasts) {
      const rest = [...lasts];
      let raised = 0;
      while (rest.length > 0) {
        const some = rest.splice(0, HEADS_PER_RUN);
        const names = some.flatMap(([channel]) => {
          const { head, log, acts, acted } = keys.channel(channel);
          return [head, log, acts, acted];
        });
        const positions = some.map(([, position]) => formatPosition(position));
        const reply: unknown = await answered(connection, () =>
          connection.rookeryRaise(names.length, ...names, ...positions),
        );
        raised += Number(reply);
      }
      return raised;
    },
    async compared({ partition, serving }) {
      await answered(connection, () => connection.hset(keys.partition(partition).part, "compared", serving));
    },
  };
}
