// From a change of who may do what to the word of every edge that it is in force there: has it committed, announces it, takes
// its waiting row away and gathers the receipt. Called by every route that changes rights; the one way from Postgres to Redis.
// Redis is asked before anything is committed, so that a change which could not be told is refused while nothing has happened.
// Once it is committed it stands: whatever fails from there on is told by the receipt, and announced by reannounce.ts.
import type { Announcer, EntryId, NodeRecord, Receipt, Receipts } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import type { Control, UserOrder } from "@rookery/protocol";
import type { Announcements, Done, Refusal, Unchanged } from "@rookery/store";

type Committed = Done<Control> | Unchanged;

export interface Enforced<Kept> {
  readonly outcome: Kept;
  readonly receipt: Receipt;
}

export interface Enforcement {
  /**
   * Runs the act, in `channel` if it is of one, then has every node follow it. Throws ChatError: `unavailable` before the act
   * while Redis is away, what the act throws (`unknown` where Postgres may yet commit it), and its refusal. Never throws once
   * the act is known to be committed.
   */
  enforce<Kept extends Committed>(
    this: void,
    partition: number,
    act: Act<Kept>,
    channel?: string,
  ): Promise<Enforced<Kept>>;
  /** The same without waiting for anybody's word: of what takes nothing from anybody. */
  commit<Kept extends Committed>(this: void, partition: number, act: Act<Kept>, channel?: string): Promise<Kept>;
  /**
   * Of what is in no table, for the sessions of a user. Throws ChatError `unavailable`, or `unknown`, after which it may be
   * carried out all the same.
   */
  order(this: void, partition: number, order: UserOrder, audit: string): Promise<Receipt>;
}

export type Act<Kept extends Committed> = () => Promise<Kept | Refusal>;

export interface EnforcementOptions {
  readonly announcer: Announcer;
  readonly announcements: Pick<Announcements, "done">;
  readonly receipts: Receipts;
  /** The nodes that live. */
  readonly nodes: () => Promise<readonly Pick<NodeRecord, "node" | "kind">[]>;
  /** Why nothing may be numbered in this Redis yet, or undefined. */
  readonly trouble: () => string | undefined;
  /** Told of a change that stands and is still to be announced. */
  readonly onUnheard: (error: unknown) => void;
  readonly nowMs?: () => number;
}

/** Of an act: committed, and announced if there was anything to tell. */
interface Told<Kept> {
  readonly outcome: Kept;
  readonly startedMs: number;
  /** Edges that lived before it. */
  readonly edges: readonly string[];
  /** Undefined where nobody was told. */
  readonly number: EntryId | undefined;
}

export function createEnforcement(options: EnforcementOptions): Enforcement {
  const { announcer, announcements, receipts, nodes, trouble, onUnheard, nowMs = () => performance.now() } = options;

  /** The row goes when the announcement is out. One that stays is announced once more, which changes nothing. */
  async function announce(
    partition: number,
    { change, audit, announcement }: Done<Control>,
  ): Promise<EntryId | undefined> {
    try {
      const number = await announcer.announce(partition, change, audit);
      announcements.done([announcement]).catch(onUnheard);
      return number;
    } catch (error) {
      onUnheard(error);
      return undefined;
    }
  }

  async function tell<Kept extends Committed>(
    partition: number,
    act: Act<Kept>,
    channel?: string,
  ): Promise<Told<Kept>> {
    const startedMs = nowMs();
    const reason = trouble();
    if (reason !== undefined) throw new ChatError("unavailable", reason);
    const edges = (await nodes()).filter(({ kind }) => kind === "edge").map(({ node }) => node);
    const outcome = await act();
    if (isRefusal(outcome)) {
      throw new ChatError(outcome.code, outcome.message, channel === undefined ? {} : { channel });
    }
    const number = isDone(outcome) ? await announce(partition, outcome) : undefined;
    return { outcome, startedMs, edges, number };
  }

  return {
    async enforce(partition, act, channel) {
      const { outcome, startedMs, edges, number } = await tell(partition, act, channel);
      const unheard = (): Receipt => receiptOf(isDone(outcome) ? edges : [], nowMs() - startedMs);
      if (number === undefined) return { outcome, receipt: unheard() };
      return { outcome, receipt: await receipts.gather(partition, number, startedMs).catch(unheard) };
    },
    commit: async (partition, act, channel) => (await tell(partition, act, channel)).outcome,
    async order(partition, order, audit) {
      const startedMs = nowMs();
      const number = await announcer.announce(partition, order, audit);
      return receipts.gather(partition, number, startedMs);
    },
  };
}

function isRefusal(outcome: Committed | Refusal): outcome is Refusal {
  return outcome.kind === "refused";
}

function isDone(outcome: Committed): outcome is Done<Control> {
  return outcome.kind === "done";
}

/** Of nobody's word: of what had to change nowhere, or of what nobody has heard of yet. */
function receiptOf(missing: readonly string[], ms: number): Receipt {
  return { nodes: { confirmed: 0, expected: missing.length, missing }, sessionsClosed: 0, ms: Math.round(ms) };
}
