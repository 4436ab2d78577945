// The edge's half of the control plane, made and bound together: changes of rights are followed, acted upon and confirmed, and the
// gate says for how long what is known may be relied upon. Made by main; the feed tells it what it hears of Redis. What a client may
// do is judged by packages/rights; this file judges nobody.

import { createConfirmations, createControlLog, parseNumberedControl } from "@rookery/broker";
import type { Keys, RedisConnection } from "@rookery/broker";
import { createGlobalTable } from "@rookery/rights";
import type { GlobalRows, GlobalTable, Grant, Rights } from "@rookery/rights";
import type { Hub } from "../hub.ts";
import type { Membership } from "../membership.ts";
import type { Attendance } from "../presence/attendance.ts";
import type { Session } from "../session.ts";
import { createConfirming } from "./confirming.ts";
import { createDismissal } from "./dismissal.ts";
import type { Dismissal } from "./dismissal.ts";
import { createEnforcement } from "./enforcement.ts";
import { createFollowing } from "./following.ts";
import type { Look } from "./following.ts";
import { COMMON, createGate } from "./gate.ts";
import type { Gate, GateOptions } from "./gate.ts";
import { createRejudging } from "./rejudging.ts";
import { createRemoving } from "./removal.ts";
import { createTimedEnds } from "./timed-ends.ts";
import type { TimedEnds } from "./timed-ends.ts";

export interface EdgeControl {
  readonly gate: Gate;
  readonly timedEnds: Pick<TimedEnds, "expect">;
  /** Who is banned everywhere and whose token is good no longer. */
  readonly table: Pick<GlobalTable, "refusal" | "version">;
  /** Reads that table anew. */
  readonly read: Dismissal["read"];
  redisNowMs(this: void): number;
  /** As it came from a control topic. */
  announced(this: void, partition: number, text: string): void;
  looked(this: void, look: Look): void;
  unwatched(this: void, partition: number): void;
  close(this: void): void;
}

export interface EdgeControlOptions extends Pick<GateOptions, "opened" | "patienceMs"> {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly hub: Hub<Session>;
  readonly rights: Pick<Rights, "apply" | "remembered" | "cached" | "doubt">;
  readonly membership: Pick<Membership, "remove">;
  readonly attendance: Pick<Attendance, "gone">;
  node(this: void): string;
  channelsOf(this: void, partition: number): Iterable<string>;
  since(this: void, version: number): Promise<GlobalRows>;
  redisNowMs(this: void): number;
  lookNow(this: void, partition: number): void;
  isPostgresAway(this: void): boolean;
  fault(this: void, error: unknown, what: string): void;
}

/** For so long after the last answered look was sent rights are relied upon: within it a change is in force everywhere. */
const RIGHTS_FOR_MS = 2000;

export function createEdgeControl(options: EdgeControlOptions): EdgeControl {
  const { connection, keys, hub, rights, membership, attendance, redisNowMs, fault } = options;
  const gate = createGate({ forMs: RIGHTS_FOR_MS, patienceMs: options.patienceMs, opened: options.opened });
  const table = createGlobalTable();
  const confirming = createConfirming({
    ...{ confirmations: createConfirmations({ connection, keys }), node: options.node, fault },
  });
  const timedEnds = createTimedEnds({
    redisNowMs,
    ended(channel, user) {
      const tell = (grant: Grant): void => removing.tell(channel, user, grant);
      const judged = rights.cached({ channel, user, right: "read" });
      // Whoever is refused is still banned, or nobody there: then there is nothing to tell.
      if (judged instanceof Promise) judged.then(tell, () => undefined);
      else tell(judged);
    },
  });
  const removing = createRemoving({ hub, rights, membership, timedEnds, gone: attendance.gone });
  const rejudging = createRejudging({ hub, rights, removing, channelsOf: options.channelsOf });
  const dismissal = createDismissal({ hub, table, since: options.since, redisNowMs });
  const { act } = createEnforcement({ hub, rights, removing, dismissal, rejudging });
  const following = createFollowing({
    log: createControlLog({ connection, keys }),
    act,
    async readAnew(partition) {
      const dismissed = partition === COMMON ? await dismissal.read() : 0;
      return dismissed + (await rejudging.partition(partition));
    },
    confirm: confirming.confirm,
    current({ partition, askedAtMs }) {
      gate.looked(partition, askedAtMs);
      confirming.again(partition);
    },
    ...{ lookNow: options.lookNow, isPostgresAway: options.isPostgresAway, fault },
  });

  return {
    ...{ gate, timedEnds, table, redisNowMs, read: dismissal.read },
    announced(partition, text) {
      const control = parseNumberedControl(partition, text);
      if (control !== undefined) following.announced(control);
    },
    looked: following.looked,
    unwatched(partition) {
      following.unwatched(partition);
      gate.unwatched(partition);
    },
    close() {
      timedEnds.close();
      gate.close();
    },
  };
}
