// One slot of a `dev` cluster and whoever fills it: reports a death or a drain, and brings back who is gone where that is wanted.
// Called by dev, one slot a process.
// States: empty, starting, running, waiting (dead, to be brought back), dead (for good), stopping, stopped. From `stop` or
// `kill` on nothing is started any more.
import { pause } from "@rookery/runtime";
import { messageOf } from "../io.ts";
import { endText } from "./member.ts";
import type { Member, StartMember } from "./member.ts";

export interface SlotHooks {
  /** Whether a member that is gone is brought back: a restart begins with a drain. */
  readonly restart: boolean;
  /** The member ended by itself, or could not be brought back; one text for people. */
  died(text: string): void;
  /** The member, a service, ended in order and not by us: somebody told it to drain. Undefined for what does not drain. */
  readonly drained: (() => void) | undefined;
  /** The member answers again. */
  back(member: Member): void;
}

export interface Slot {
  readonly name: string;
  /** Fills the slot for the first time; rejects when that fails. */
  open(): Promise<Member>;
  /** Who fills it, also for a while after its death. */
  member(): Member | undefined;
  /** Ends the member in order, and a start that is under way. Resolves to a complaint, if there is one. */
  stop(): Promise<string | undefined>;
  /** Ends the member at once. */
  kill(): void;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** Whoever ran this long was well: the next wait is the first one again. */
const STABLE_MS = 30_000;
/** A start that cannot be given up, such as the installation of a server, is left to itself after this. */
const START_ENDS_WITHIN_MS = 15_000;

export function createSlot(name: string, start: StartMember, hooks: SlotHooks): Slot {
  const closing = new AbortController();
  const { signal } = closing;
  let current: Member | undefined;
  let underWay: Promise<unknown> = Promise.resolve();
  let waitMs = FIRST_WAIT_MS;

  const fill = async (): Promise<Member> => {
    const member = await start(signal);
    current = member;
    const since = performance.now();
    void member.ended.then(async (ending) => {
      if (signal.aborted) return;
      if (ending.code === 0 && hooks.drained !== undefined) hooks.drained();
      else hooks.died(endText(name, ending, await member.lastLines()));
      if (performance.now() - since > STABLE_MS) waitMs = FIRST_WAIT_MS;
      if (hooks.restart) underWay = bringBack();
    });
    return member;
  };

  const bringBack = async (): Promise<void> => {
    while (!signal.aborted) {
      await pause(waitMs, { signal });
      if (signal.aborted) return;
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
      try {
        hooks.back(await fill());
        return;
      } catch (error) {
        if (!signal.aborted) hooks.died(`${name} could not be brought back: ${messageOf(error)}`);
      }
    }
  };

  return {
    name,
    open: () => {
      const first = fill();
      underWay = first;
      return first;
    },
    member: () => current,
    stop: async () => {
      closing.abort();
      await Promise.race([Promise.allSettled([underWay]), pause(START_ENDS_WITHIN_MS, { ref: false })]);
      if (current === undefined) return undefined;
      await current.stop();
      const { code, signal: by } = await current.ended;
      return by === "SIGKILL" ? `${name} was killed` : code === 0 ? undefined : `${name} ended with exit code ${code}`;
    },
    kill: () => {
      closing.abort();
      current?.kill();
    },
  };
}
