// Sends one run of changes of presence to attend.lua or sessions.lua, with what is so on this node at that moment, and says what
// became of it. Called by presence-line.ts, by way of node-presence.ts.
// Must never send a run a second time: whether one may be tried again is the line's to say, by the answer.
import { MODE_BACK_RATIO, MODES } from "@rookery/protocol";
import { isReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import type { Crowd, CrowdRules } from "./crowd.ts";
import type { Keys } from "./keys.ts";
import type { Change, PresenceAnswer, PresenceRun, Subject } from "./presence-change.ts";
import type { Attendance, LocalTruth } from "./presence.ts";
import type { RedisClock } from "./redis-clock.ts";
import { brokeOff, isAnswer, refusalFor } from "./rejections.ts";
import { packSession } from "./session-record.ts";

/** How long an empty channel's crowd, and with it the rules that nobody brings then, is kept in Redis. */
export const CROWD_KEPT_MS = 24 * 3_600_000;

export interface AttendRunOptions {
  readonly connection: RedisConnection;
  readonly keys: Keys;
  readonly truth: LocalTruth;
  readonly serverClock: RedisClock;
  /** How long a run may act. */
  readonly deadlineMs: number;
  /** In the cluster. */
  readonly sessionsPerUser: number;
  /** The session came although its user had as many. */
  exceeded(this: void, user: string, session: string): void;
  /** Local time in ms. */
  clock(this: void): number;
  /** Redis refused a part of the script, which no waiting mends. */
  failed(this: void, reason: string): void;
}

/** By whom a run is sent, and to whom it believes to speak. */
export interface Sender {
  readonly partition: number;
  readonly node: string;
  /** The replication id of the server that knows this node's people. */
  readonly known: string;
  /** Told who answered, where that was another one. */
  moved(this: void, serving: string): void;
  fenced(this: void): void;
}

/** Never rejects. */
export type AttendRun = (sender: Sender, run: PresenceRun) => Promise<PresenceAnswer>;

type AttendanceOf<Kind extends Subject["kind"]> = Extract<Subject, { kind: Kind }>;

interface Spoken {
  readonly script: "rookeryAttend" | "rookerySessions";
  readonly names: readonly string[];
  given(this: void, deadline: number): (string | number)[];
  /** Where in the answer each change stands, in their order. */
  readonly order: readonly number[];
}

export function createAttendRun(options: AttendRunOptions): AttendRun {
  const { connection, keys, truth, serverClock, clock } = options;

  function attend({ partition, node, known }: Sender, changes: readonly Change[], loud: boolean): Spoken {
    const whole = keys.partition(partition);
    const names = [whole.lease(node), whole.busy];
    const given: (string | number)[] = [];
    const order: number[] = [];
    let told = 0;
    for (const [channel, some] of byChannel(changes)) {
      const own = keys.channel(channel);
      names.push(own.here, own.who, own.crowd, own.hereOn(node), own.topic);
      const all = some.map((each) => ({ ...each, is: truth.attendance(channel, each.user) }));
      const rules = newest(all.map(({ is }) => is));
      given.push(channel, rules?.version ?? "", rules?.digestAbove ?? 0, rules?.countAbove ?? 0, all.length);
      for (const { at, user, exclude, is } of all) {
        given.push(user, is?.connections ?? 0, is?.name ?? "", is === undefined ? "" : exclude);
        order[at] = told;
        told += 1;
      }
    }
    const fixed = [known, MODE_BACK_RATIO, CROWD_KEPT_MS, loud ? 1 : 0];
    return { script: "rookeryAttend", names, given: (deadline) => [deadline, ...fixed, ...given], order };
  }

  function tellSessions({ partition, node, known }: Sender, changes: readonly Change[]): Spoken {
    const own = keys.partition(partition);
    const names = [own.lease(node), own.seen, own.users];
    const given: string[] = [];
    for (const { subject } of changes) {
      if (subject.kind !== "session") continue;
      const { user, session } = subject;
      const is = truth.session(user, session);
      names.push(keys.user(user).sessions);
      given.push(user, session, is === undefined ? "" : packSession(node, is));
    }
    const fixed = [known, node, options.sessionsPerUser];
    return { script: "rookerySessions", names, given: (deadline) => [deadline, ...fixed, ...given], order: [] };
  }

  function tellExceeded(values: readonly unknown[]): void {
    const texts = values.map(String);
    for (let at = 0; at + 1 < texts.length; at += 2) options.exceeded(texts[at] ?? "", texts[at + 1] ?? "");
  }

  function read(sender: Sender, reply: unknown, { script, order }: Spoken): PresenceAnswer {
    const [, outcome, serving, ...values]: unknown[] = Array.isArray(reply) ? reply : [];
    switch (outcome) {
      case "ok":
        if (script === "rookerySessions") tellExceeded(values);
        return { kind: "told", crowds: order.map((at) => crowdOf(values[2 * at], values[2 * at + 1])) };
      case "late":
        return { kind: "late" };
      case "fenced":
        sender.fenced();
        return { kind: "fenced" };
      case "moved":
        sender.moved(String(serving));
        return { kind: "moved" };
      default:
        options.failed("the presence script answered oddly");
        return { kind: "refused" };
    }
  }

  function crowdOf(online: unknown, mode: unknown): Crowd | undefined {
    const name = MODES[Number(mode)];
    if (typeof online === "number" && online >= 0 && name !== undefined) return { online, mode: name };
    options.failed(String(mode));
    return undefined;
  }

  return async (sender, { changes, loud }) => {
    if (!isReady(connection)) return { kind: "refused" };
    const { partition } = sender;
    const spoken =
      changes[0]?.subject.kind === "session" ? tellSessions(sender, changes) : attend(sender, changes, loud);
    const sentMs = clock();
    const deadline = serverClock.toServer(partition, sentMs + options.deadlineMs);
    try {
      const args = [spoken.names.length, ...spoken.names, ...spoken.given(deadline)];
      const reply: unknown = await connection[spoken.script](...args);
      const nowMs: unknown = Array.isArray(reply) ? reply[0] : undefined;
      if (typeof nowMs === "number") serverClock.learn(partition, sentMs, clock(), nowMs);
      return read(sender, reply, spoken);
    } catch (error) {
      const isOver = isAnswer(error) || refusalFor(error).code === "unavailable";
      const reason = brokeOff(error);
      if (reason !== undefined) options.failed(reason);
      return isOver ? { kind: "refused" } : { kind: "unknown", actsUntilMs: serverClock.passedBy(partition, deadline) };
    }
  };
}

type Attending = Pick<AttendanceOf<"attendance">, "user"> & Pick<Change, "exclude"> & { readonly at: number };

/** With where each stood. */
function byChannel(changes: readonly Change[]): Map<string, Attending[]> {
  const channels = new Map<string, Attending[]>();
  for (const [at, { subject, exclude }] of changes.entries()) {
    if (subject.kind !== "attendance") continue;
    const { channel, user } = subject;
    const some = channels.get(channel);
    if (some === undefined) channels.set(channel, [{ at, user, exclude }]);
    else some.push({ at, user, exclude });
  }
  return channels;
}

function newest(some: readonly (Attendance | undefined)[]): CrowdRules | undefined {
  let best: CrowdRules | undefined;
  for (const each of some) if (each !== undefined && each.rules.version >= (best?.version ?? 0)) best = each.rules;
  return best;
}
