// The last word on a command that had to wait: whatever was judged before may have changed meanwhile. Asked by commands after
// their last await, again and again until nothing is left to wait for; then they enter, or hand over their reply, in the very
// turn in which it was said. It changes nothing.

import { ChatError } from "@rookery/protocol";
import type { Right } from "@rookery/protocol";
import type { EdgeContext } from "../context.ts";
import type { Session } from "../session.ts";

type Judging = Pick<EdgeContext, "rights" | "partitions"> & {
  readonly control: { readonly gate: Pick<EdgeContext["control"]["gate"], "isAllOpen" | "whenOpen"> };
};

/** Undefined: nothing is left to wait for. Throws the ChatError that refuses the command. */
export type LastJudgement = () => Promise<unknown> | undefined;

/** Undefined where what is known of the channel's rights may be relied upon. */
export function untilOpen(edge: Pick<Judging, "partitions" | "control">, channel: string): Promise<void> | undefined {
  const { gate } = edge.control;
  return gate.isAllOpen() ? undefined : gate.whenOpen(edge.partitions.of(channel));
}

/** For a reply that is true whatever the rights are: it waits as deliveries do, for as long as somebody may wait. */
export function whenOpen(
  edge: Pick<Judging, "partitions" | "control">,
  channel: string,
  reply: () => void,
): Promise<void> | undefined {
  const opening = untilOpen(edge, channel);
  if (opening !== undefined) return opening.then(reply, reply);
  reply();
  return undefined;
}

export function lastJudgement(edge: Judging, user: string, channel: string, right: Right): LastJudgement {
  let isRead = false;
  return () => {
    const opening = untilOpen(edge, channel);
    if (opening !== undefined) return opening;
    const judged = edge.rights.remembered(channel, user);
    if (judged !== undefined && !(judged instanceof ChatError) && judged.can.includes(right)) return undefined;
    // What memory never holds (a channel that nobody has made yet) was read a moment ago, behind an open gate.
    if (judged === undefined && isRead) return undefined;
    isRead = true;
    if (judged instanceof ChatError) throw judged;
    // Rejects with the refusal.
    const read = edge.rights.cached({ user, channel, right });
    return read instanceof Promise ? read : undefined;
  };
}

/** Of a command that needs the session to be in the channel when it is answered. */
export function lastJudgementOf(edge: Judging, session: Session, channel: string, right: Right): LastJudgement {
  const judge = lastJudgement(edge, session.user, channel, right);
  return () => {
    if (session.wire !== undefined && !session.channels.has(channel)) {
      throw new ChatError("not_joined", "the session was taken out of the channel meanwhile", { channel });
    }
    return judge();
  };
}

/** Of several, each by itself. What is refused is not judged again. */
export class Verdicts {
  readonly refusals = new Map<string, unknown>();
  readonly #judgements: Map<string, LastJudgement>;

  constructor(judgements: ReadonlyMap<string, LastJudgement>) {
    this.#judgements = new Map(judgements);
  }

  /** Undefined: nothing is left to wait for. */
  pending(): Promise<unknown> | undefined {
    const waits: Promise<unknown>[] = [];
    for (const [channel, judge] of this.#judgements) {
      const refuse = (error: unknown): void => {
        this.refusals.set(channel, error);
        this.#judgements.delete(channel);
      };
      try {
        const wait = judge();
        if (wait !== undefined) waits.push(wait.catch(refuse));
      } catch (error) {
        refuse(error);
      }
    }
    return waits.length === 0 ? undefined : Promise.all(waits);
  }
}
