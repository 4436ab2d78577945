// Leads each edit, deletion and reaction to its end: finds the message, judges, has the script write it if that is still so,
// and judges anew where it is not. Called by edge and api. Owns how many may be under way in this process.
// Must never send a change again unless its answer said that nothing happened.
// A change whose outcome is not known may still act until its deadline; whatever comes after it was judged without it, so
// whichever is second finds that out in the script.
import { ChatError } from "@rookery/protocol";
import { createChangeRun, unknown } from "./change-run.ts";
import type { ChangeAnswer, ChangeRun } from "./change-run.ts";
import type { ChangeDraft, Changed, Changes, FindStored } from "./changes.ts";
import { isReady } from "./connect.ts";
import { createFindMessage } from "./find-message.ts";
import type { Wanted } from "./find-message.ts";
import { judgeDelete, judgeEdit, judgeReact, notFound } from "./judge-change.ts";
import type { Judge, JudgedChange } from "./judge-change.ts";
import type { PublisherOptions } from "./publisher.ts";
import { createServerClock } from "./redis-clock.ts";
import { refusalOf } from "./rejections.ts";
import { createFastLinks } from "./write-links.ts";

type Shared =
  "connection" | "links" | "keys" | "floors" | "lastSaved" | "outboxMaxBytes" | "trouble" | "deadlineMs" | "clock";

export interface ChangesOptions extends Pick<PublisherOptions, Shared | "failed" | "rightsUntilMs"> {
  /** Rejects while Postgres is away. */
  readonly findStored: FindStored;
}

/** Each is sent by a session that waits for it, so more are only under way while Redis stalls. */
const MOST_UNDER_WAY = 4_000;
/** Each is beaten only by another change of the same message by the same user, or by its deletion. */
const MOST_TRIES = 8;

const TOO_LATE = "the message store does not answer in time";

export function createChanges(options: ChangesOptions): Changes {
  const { connection, keys, floors, deadlineMs } = options;
  const clock = options.clock ?? ((): number => performance.timeOrigin + performance.now());
  const links = options.links ?? createFastLinks(connection);
  const run = createChangeRun({
    ...{ links, keys, floors, outboxMaxBytes: options.outboxMaxBytes, clock },
    ...(options.rightsUntilMs !== undefined && { rightsUntilMs: options.rightsUntilMs }),
    serverClock: createServerClock(connection, keys.partitions),
    failed: (channel, reason) => options.failed?.(channel, reason),
  });
  const find = createFindMessage(keys, options.findStored);
  const send = createSender(run, options, clock);
  let underWay = 0;

  async function change<Draft extends ChangeDraft>(draft: Draft, emoji: string, judge: Judge<Draft>): Promise<Changed> {
    const { channel, id, user } = draft;
    const wanted: Wanted = { channel, id, user, emoji };
    const sender = send(draft, clock() + deadlineMs);
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const link = links(keys.channel(channel).partition);
      if (link === undefined) throw refusalOf("unavailable");
      const message = await find(wanted, link.connection);
      if (message === undefined) throw notFound(channel);
      const verdict = judge(draft, message);
      if (verdict.kind === "stands") {
        // What was found there is kept no more for sure than what is written there now.
        if (!(await link.isKept())) throw unknown();
        return { position: verdict.position, isNew: false };
      }
      const answer = await sender(verdict.change);
      if (answer.kind === "done") return { position: answer.position, isNew: true };
    }
    throw new ChatError("unavailable", "the message changes all the time", { channel });
  }

  async function counted<Draft extends ChangeDraft>(draft: Draft, emoji: string, judge: Judge<Draft>) {
    const trouble = options.trouble?.();
    if (trouble !== undefined) throw new ChatError("unavailable", trouble);
    if (!isReady(connection)) throw refusalOf("unavailable");
    if (underWay >= MOST_UNDER_WAY) throw new ChatError("overloaded", "too many changes wait for the message store");
    underWay += 1;
    return change(draft, emoji, judge).finally(() => (underWay -= 1));
  }

  return {
    edit: (draft) => counted(draft, "", judgeEdit),
    delete: (draft) => counted(draft, "", judgeDelete),
    react: (draft) => counted(draft, draft.emoji, judgeReact),
  };
}

/** Sends what was judged: late, stale and cold are each seen to once in all the tries of a change. */
function createSender(run: ChangeRun, { lastSaved, floors, keys }: ChangesOptions, clock: () => number) {
  return (draft: ChangeDraft, deadlineMs: number) => {
    const { channel } = draft;
    let { rightsVersion } = draft;
    const seen = new Set<ChangeAnswer["kind"]>();

    function once(kind: ChangeAnswer["kind"], refusal: string): void {
      if (seen.has(kind)) throw new ChatError("unavailable", refusal, { channel });
      seen.add(kind);
    }

    async function baseOf() {
      try {
        const base = await lastSaved(channel);
        floors.see(keys.channel(channel).partition, base.epoch);
        return base;
      } catch (error) {
        if (error instanceof ChatError) throw error;
        throw new ChatError("unavailable", "the history of this channel cannot be reached");
      }
    }

    return async function sent(change: JudgedChange): Promise<ChangeAnswer> {
      let base: Awaited<ReturnType<typeof baseOf>> | undefined;
      for (;;) {
        if (clock() > deadlineMs) throw new ChatError("unavailable", TOO_LATE);
        const answer = await run(change, { rightsVersion, base, deadlineMs });
        // What was read is good for the try that follows, and for no later one.
        base = undefined;
        if (answer.kind === "done" || answer.kind === "again") return answer;
        if (answer.kind === "late") once("late", TOO_LATE);
        else if (answer.kind === "stale") {
          once("stale", "the channel's rights are changing");
          rightsVersion = await draft.freshRights();
        } else {
          once("cold", "the channel is not ready yet");
          base = await baseOf();
        }
      }
    };
  };
}
