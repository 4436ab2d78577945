// By which connection messages and changes are written, and when what was answered on it counts as written. Made once a process,
// shared by publisher.ts and create-changes.ts. In `fast` mode an answer of the master is enough; in `safe` mode a replica has it.
// WAIT keeps everything waiting that is sent on its connection after it: in safe mode that connection must carry nothing else.
// States of a master's line of WAITs: idle, due (goes within this turn of the loop), under way.
import { isReady, serverOf } from "./connect.ts";
import type { RedisConnection, ServerConnection } from "./connect.ts";
import { clusterSlot } from "./partitions.ts";
import type { Partitions } from "./partitions.ts";

/** The connection to one server, for one write and the question whether it is kept. */
export interface WriteLink {
  readonly connection: RedisConnection;
  /**
   * Resolves to true once all that was answered on this link so far is where `ok` says it is; to false when that is not known,
   * as on a connection that was made anew since. Never rejects.
   */
  isKept(this: void): Promise<boolean>;
}

/** The link by which to write in this partition now; undefined while there is none. Not to be kept for a later write. */
export type WriteLinks = (partition: number) => WriteLink | undefined;

/** An answer of the master is all that is asked for. */
export function createFastLinks(connection: RedisConnection): WriteLinks {
  const kept = Promise.resolve(true);
  const link: WriteLink = { connection, isKept: () => kept };
  return () => (isReady(connection) ? link : undefined);
}

export interface SafeLinksOptions {
  /** Of the use `writes`. */
  readonly connection: RedisConnection;
  readonly partitions: Partitions;
  /**
   * How long a replica may take. Short beside the time after which a silent master is replaced: what a master says of its
   * replicas later than that may be of those that no longer follow the one in office.
   */
  readonly waitMs: number;
  /** A WAIT ended, with fewer replicas than asked for or without an answer where `isShort`. */
  waited?(this: void, tookMs: number, isShort: boolean): void;
}

const REPLICAS = 1;

/** What was answered on this socket waits to be on a replica. */
interface Waiter {
  readonly stream: ServerConnection["stream"];
  readonly tell: (isKept: boolean) => void;
}

interface WaitLine {
  state: "idle" | "due" | "under way";
  waiters: Waiter[];
}

/**
 * A Cluster's own connection would send a WAIT anywhere, and a script where it is redirected to: both go by that to the slot's
 * own master. One WAIT at a time for each master covers all that was answered before it was sent. Redis measures it by how far it had
 * written when it last answered on that connection, so it holds for a `duplicate`, too, whoever wrote the first.
 */
export function createSafeLinks({ connection, partitions, waitMs, waited }: SafeLinksOptions): WriteLinks {
  const lines = new WeakMap<ServerConnection, WaitLine>();

  function lineOf(server: ServerConnection): WaitLine {
    const known = lines.get(server);
    if (known !== undefined) return known;
    const made: WaitLine = { state: "idle", waiters: [] };
    lines.set(server, made);
    return made;
  }

  /** In the next phase of the loop, so that the answers of one read go together. */
  function schedule(server: ServerConnection, line: WaitLine): void {
    if (line.state !== "idle" || line.waiters.length === 0) return;
    line.state = "due";
    setImmediate(() => void ask(server, line));
  }

  async function ask(server: ServerConnection, line: WaitLine): Promise<void> {
    const { stream } = server;
    const covered = line.waiters.filter((waiter) => waiter.stream === stream);
    // Another socket may lead to another server, or to one that was away meanwhile: it knows nothing of these.
    for (const waiter of line.waiters) if (waiter.stream !== stream) waiter.tell(false);
    line.waiters = [];
    line.state = "under way";
    const isKept = covered.length > 0 && isReady(server) && (await hasReplica(server));
    for (const { tell } of covered) tell(isKept);
    line.state = "idle";
    schedule(server, line);
  }

  async function hasReplica(server: ServerConnection): Promise<boolean> {
    const sentMs = performance.now();
    const replicas = await server.wait(REPLICAS, waitMs).catch(() => 0);
    const isKept = replicas >= REPLICAS;
    waited?.(performance.now() - sentMs, !isKept);
    return isKept;
  }

  return (partition) => {
    const server = serverOf(connection, clusterSlot(partitions.tag(partition)));
    if (server === undefined || !isReady(server)) return undefined;
    const { stream } = server;
    const line = lineOf(server);
    const isKept = (): Promise<boolean> =>
      new Promise((tell) => {
        line.waiters.push({ stream, tell });
        schedule(server, line);
      });
    return { connection: server, isKept };
  };
}
