// Acts on changes of who may do what: memory first, so that nothing is judged by what was, then the sessions that are here. Called
// by following, which keeps their order; it answers how many sessions each closed or took out of a channel, so that whoever ordered
// it can be told. It reads no Redis.
// States: what the last changes did (acts.ts), which bans and mutes end by time (timed-ends.ts).

import { ChatError } from "@rookery/protocol";
import type { ChannelChange, Control, GlobalChange, UserOrder } from "@rookery/protocol";
import type { Rights } from "@rookery/rights";
import type { Hub } from "../hub.ts";
import type { Session } from "../session.ts";
import { createActs } from "./acts.ts";
import type { Dismissal } from "./dismissal.ts";
import type { Removing } from "./removal.ts";
import type { Rejudging } from "./rejudging.ts";

export interface Enforcement {
  /** At once, unless they are many or somebody has to be read. */
  act(this: void, control: Control): number | Promise<number>;
}

export interface EnforcementOptions {
  readonly hub: Pick<Hub<Session>, "sessionsOf">;
  readonly rights: Pick<Rights, "apply" | "remembered">;
  readonly removing: Removing;
  readonly dismissal: Dismissal;
  readonly rejudging: Pick<Rejudging, "channel" | "users">;
}

export function createEnforcement(options: EnforcementOptions): Enforcement {
  const { hub, rights, removing, dismissal, rejudging } = options;
  const acts = createActs();

  /** A ban that was lifted before it was heard of here takes nobody out; a kick always does. */
  function isOver(channel: string, removal: NonNullable<ChannelChange["removal"]>): boolean {
    if (removal.code !== "banned" || removal.user === null) return false;
    const judged = rights.remembered(channel, removal.user);
    return judged !== undefined && !(judged instanceof ChatError);
  }

  function takeOut({ channel, removal }: ChannelChange): Count {
    if (removal === null || isOver(channel, removal)) return 0;
    return removal.user === null
      ? removing.everybodyBut(channel, removal.keeps, removal)
      : removing.user(channel, removal.user, removal);
  }

  /** Those whose rights changed; and everybody where others' may have, by this change or by one that never came. */
  function judge({ channel, entries, forgets }: ChannelChange, isForgotten: boolean): Count {
    const here = entries.map(({ user }) => user).filter((user) => removing.isIn(channel, user));
    const unknown = here.filter((user) => rights.remembered(channel, user) === undefined);
    let closed = 0;
    for (const user of here) closed += removing.judge(channel, user);
    if (unknown.length === 0 && !forgets && !isForgotten) return closed;
    const all = forgets || isForgotten ? rejudging.channel(channel) : Promise.resolve(0);
    return Promise.all([rejudging.users(channel, unknown), all]).then(([one, other]) => closed + one + other);
  }

  function ofChannel(change: ChannelChange): Count {
    const isForgotten = rights.apply(change) === "forgotten";
    const taken = takeOut(change);
    return whenKnown(taken, (out) => whenKnown(judge(change, isForgotten), (more) => out + more));
  }

  function ofUser({ user, frame, close }: UserOrder): number {
    const sessions = [...hub.sessionsOf(user)].filter(({ isLive }) => isLive);
    for (const session of sessions) {
      if (frame !== null) session.tell(frame);
      if (close !== null) session.dismiss(close.code, close.reason, performance.now());
    }
    return sessions.length;
  }

  function actFirst(control: Control): Count {
    if (control.kind === "channel") return ofChannel(control);
    return control.kind === "global" ? dismissal.act(control satisfies GlobalChange) : ofUser(control);
  }

  return {
    act(control) {
      const before = acts.closedFor(control);
      if (before !== undefined) return before;
      return whenKnown(actFirst(control), (closed) => {
        acts.acted(control, closed);
        return closed;
      });
    },
  };
}

type Count = number | Promise<number>;

/** In the same turn where it is known. */
function whenKnown(count: Count, then: (count: number) => Count): Count {
  return count instanceof Promise ? count.then(then) : then(count);
}
