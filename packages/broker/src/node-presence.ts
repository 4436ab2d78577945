// What a node tells Redis of its people, and sees to it that Redis has it whatever happens: the lines of all partitions, the
// lease sets under the node's present id, and everything told anew under a new id or to a new server. Made once by an edge.
// Must never let a change of a partition go before what is to be restored there.
// States of a partition: closed (no lease set stands under the present id), restoring, open.
import { ChatError } from "@rookery/protocol";
import { createAttendRun } from "./attend-run.ts";
import { inOneWrite } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Crowd } from "./crowd.ts";
import type { Keys } from "./keys.ts";
import { createLeaseSets } from "./lease-sets.ts";
import type { Change, PresenceRun, Subject } from "./presence-change.ts";
import { createPresenceLine } from "./presence-line.ts";
import type { PresenceLine } from "./presence-line.ts";
import { createRedisClock } from "./redis-clock.ts";
import { createRestoring } from "./restoring.ts";
import { createSessionCap } from "./session-cap.ts";
import { createServerLook } from "./server-look.ts";
import type { LocalTruth, Presence } from "./presence.ts";

/** The id under which a process speaks, and how it takes another one. */
export interface NodeIdentity {
  current(this: void): string;
  renew(this: void): string;
  onRenew(this: void, tell: () => void): void;
}

export interface PresenceOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly truth: LocalTruth;
  readonly node: NodeIdentity;
  /** How long a run may act, and how long whoever waits for a change does. */
  readonly commandTimeoutMs: number;
  /** Local time in ms, from any epoch. */
  readonly clock?: () => number;
  /** How many sessions a user may have in the cluster; beyond, the oldest is told to go. As many as there are where absent. */
  readonly sessionsPerUser?: number | undefined;
  /** Another server took over: it may list nodes that are gone. */
  ownerChanged?(this: void): void;
  /** Redis refused a part of a script, which no waiting mends: for the log, at most once a second. */
  failed?(this: void, reason: string): void;
}

/** Beyond so many changes a partition's are forgotten and everything in it is told anew: memory has a bound. */
const MOST_WAITING = 100_000;
const FAILURE_TOLD_EVERY_MS = 1_000;
const LOOK_EVERY_MS = 10_000;

interface Part {
  readonly partition: number;
  readonly line: PresenceLine;
  /** The replication id of the server that knows this node's people; "" while the partition is closed. */
  known: string;
}

export function createPresence(options: PresenceOptions): Presence {
  const { connection, keys, truth, node, commandTimeoutMs, sessionsPerUser = Number.MAX_SAFE_INTEGER } = options;
  const { partitions } = keys;
  const clock = options.clock ?? ((): number => performance.timeOrigin + performance.now());
  const later = (ms: number, work: () => void): void => void setTimeout(work, ms);
  const serverClock = createRedisClock(!connection.isCluster);
  let isHolding = false;
  let isClosed = false;
  /** Whether what stands on this node is to be told once a lease set stands, and not only what changes. */
  let hadLease = false;
  let failureToldAtMs = Number.NEGATIVE_INFINITY;
  const sessionCap = createSessionCap({ connection, keys, sessionsPerUser, later });
  const attendRun = createAttendRun({
    ...{ connection, keys, serverClock, clock, truth, deadlineMs: commandTimeoutMs },
    sessionsPerUser,
    exceeded: sessionCap.exceeded,
    failed(reason) {
      const nowMs = clock();
      if (nowMs - failureToldAtMs < FAILURE_TOLD_EVERY_MS) return;
      failureToldAtMs = nowMs;
      options.failed?.(reason);
    },
  });

  const isThere = (subject: Subject): boolean =>
    (subject.kind === "attendance"
      ? truth.attendance(subject.channel, subject.user)
      : truth.session(subject.user, subject.session)) !== undefined;

  let due: PresenceLine[] = [];
  /** All that begin in one turn, whichever partitions they are of. What comes in the same turn goes with them. */
  function beginDue(): void {
    const begun = due;
    due = [];
    inOneWrite(connection, () => {
      for (const line of begun) line.begin();
    });
  }

  async function run(part: Part, { changes, loud }: PresenceRun): ReturnType<typeof attendRun> {
    const id = node.current();
    // From `hold` on the lease stands for whoever went.
    const staying = isHolding ? changes.filter(({ subject }) => isThere(subject)) : changes;
    if (staying.length === 0) return { kind: "told", crowds: [] };
    const sender = {
      ...{ partition: part.partition, node: id, known: part.known },
      moved: (serving: string) => moved(part, serving),
      fenced: () => fenced(id),
    };
    const answer = await attendRun(sender, { changes: staying, loud });
    if (answer.kind !== "told" || staying.length === changes.length) return answer;
    return { kind: "told", crowds: changes.map((change) => answer.crowds[staying.indexOf(change)]) };
  }

  const parts: readonly Part[] = Array.from({ length: partitions.count }, (_, partition) => {
    const line = createPresenceLine({
      run: (some) => run(part, some),
      due(waiting) {
        if (due.length === 0) setImmediate(beginDue);
        due.push(waiting);
      },
      ...{ clock, later },
    });
    const part: Part = { partition, line, known: "" };
    line.hold();
    return part;
  });

  const restoring = createRestoring({
    ...{ connection, keys, truth, later },
    node: node.current,
    line: (partition) => lineOf(partition),
    clearsAway: () => !isHolding,
    fenced,
  });

  const leaseSets = createLeaseSets({
    ...{ connection, keys, serverClock, clock, later, deadlineMs: commandTimeoutMs },
    node: node.current,
    opened(partition, serving) {
      const part = parts[partition];
      if (part === undefined) return;
      part.known = serving;
      // Under the first id nobody was told of before.
      if (hadLease) restoring.start(partition, { loud: true, clears: false });
      else part.line.letGo();
    },
  });

  function lineOf(partition: number): PresenceLine {
    const part = parts[partition];
    if (part === undefined) throw new RangeError(`there is no partition ${partition}`);
    return part.line;
  }

  function fenced(id: string): void {
    if (id === node.current() && !isClosed) node.renew();
  }

  /** Another server has what was told, or a part of it. */
  function moved(part: Part, serving: string): void {
    if (isClosed || part.known === "" || serving === "" || serving === part.known) return;
    part.known = serving;
    part.line.hold();
    restoring.start(part.partition, { loud: false, clears: true });
    options.ownerChanged?.();
    lookOn();
  }

  const look = createServerLook({
    ...{ connection, keys, fenced },
    node: node.current,
    served(partition, replicationId) {
      const part = parts[partition];
      if (part !== undefined) moved(part, replicationId);
    },
  });
  let isLooking = false;
  /** Many that move at once make one look. */
  function lookOn(): void {
    if (isLooking || isClosed || parts.some(({ known }) => known === "")) return;
    isLooking = true;
    const over = (): void => {
      isLooking = false;
    };
    look().then(over, over);
  }
  const looks = setInterval(lookOn, LOOK_EVERY_MS);

  node.onRenew(() => {
    if (isClosed) return;
    hadLease = true;
    restoring.stop();
    for (const part of parts) {
      part.known = "";
      part.line.hold();
    }
    leaseSets.open();
  });
  leaseSets.open();

  function add(partition: number, change: Change): void {
    const line = lineOf(partition);
    line.add(change);
    if (line.waiting() < MOST_WAITING / partitions.count) return;
    if (parts.reduce((sum, part) => sum + part.line.waiting(), 0) < MOST_WAITING) return;
    line.hold();
    line.forget();
    if (parts[partition]?.known === "") hadLease = true;
    else restoring.start(partition, { loud: false, clears: true });
  }

  return {
    changed(channel, user, session = "") {
      if (isClosed) return Promise.reject(unavailable());
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(unavailable()), commandTimeoutMs);
        const told = (crowd: Crowd | undefined): void => {
          clearTimeout(timer);
          if (crowd === undefined) reject(unavailable());
          else resolve(crowd);
        };
        add(partitions.of(channel), {
          subject: { kind: "attendance", channel, user },
          exclude: session,
          waiters: [told],
        });
      });
    },
    sessionChanged(user, session) {
      if (isClosed) return;
      const { partition } = keys.user(user);
      add(partition, { subject: { kind: "session", user, session }, exclude: "", waiters: [] });
    },
    served(partition, replicationId) {
      const part = parts[partition];
      if (part !== undefined) moved(part, replicationId);
    },
    hold() {
      isHolding = true;
    },
    waiting: () => parts.reduce((sum, { line }) => sum + line.waiting(), 0),
    close() {
      isClosed = true;
      clearInterval(looks);
      restoring.stop();
      leaseSets.close();
      for (const { line } of parts) line.close();
    },
  };
}

function unavailable(): ChatError {
  return new ChatError("unavailable", "presence cannot be told in time");
}
