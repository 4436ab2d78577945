// Owns what a run has seen apart from violations: counts out of its histories, what processes counted meanwhile, what
// faults noted. Called by run.ts and read by the bites of faults. Must never judge.
import type { ChatClient } from "@rookery/testkit";
import type { Service } from "./service.ts";

export interface Counts {
  /** Messages that somebody sent. */
  readonly sent: number;
  readonly senders: number;
  readonly acknowledged: number;
  /** Attempts that were answered `unknown`, or by nothing before their connection ended. */
  readonly unknown: number;
  readonly refused: number;
  /** Repeats that were told where the first attempt stands. */
  readonly duplicates: number;
  /** Frames times clients. */
  readonly delivered: number;
  readonly gaps: number;
  /** Joins after which continuity could not be shown. */
  readonly unrecovered: number;
  readonly closed: number;
}

export interface Seen extends Counts {
  /** By how much a series grew, all processes together; the sum over all series that begin so. */
  readonly grew: (series: string) => number;
  readonly noted: (what: string) => number;
}

type Histories = readonly Pick<ChatClient["history"], "client" | "events">[];

export function countHistories(histories: Histories): Counts {
  const messages = new Set<string>();
  const acknowledged = new Set<string>();
  const senders = new Set<string>();
  const totals = {
    attempts: 0,
    answers: 0,
    refused: 0,
    duplicates: 0,
    delivered: 0,
    gaps: 0,
    unrecovered: 0,
    closed: 0,
  };
  for (const { client, events } of histories) {
    for (const event of events) {
      if (event.kind === "send") {
        messages.add(`${client} ${event.clientId}`);
        senders.add(client);
        totals.attempts += 1;
      } else if (event.kind === "ok") {
        acknowledged.add(`${client} ${event.clientId}`);
        totals.answers += 1;
        if (event.duplicate === true) totals.duplicates += 1;
      } else if (event.kind === "refused") {
        totals.answers += 1;
        totals.refused += 1;
      } else if (event.kind === "frame" && event.via !== "folded") totals.delivered += 1;
      else if (event.kind === "gap") totals.gaps += 1;
      else if (event.kind === "start" && event.after !== undefined && !event.recovered) totals.unrecovered += 1;
      else if (event.kind === "closed") totals.closed += 1;
    }
  }
  const { attempts, answers, ...others } = totals;
  return {
    ...others,
    ...{ sent: messages.size, senders: senders.size, acknowledged: acknowledged.size },
    unknown: attempts - answers,
  };
}

export interface Growth {
  /** Looks once more; resolves when it has. */
  look(): Promise<void>;
  end(): Promise<void>;
  readonly of: (series: string) => number;
}

/** What a process counted in the moments before it is killed is lost, as it is to any operator. */
const LOOK_EVERY_MS = 500;

/** Watches the counters of processes over their deaths: one that is lower than before has begun anew. */
export async function watchGrowth(services: readonly Service[]): Promise<Growth> {
  const lasts = new Map<string, number>();
  const grown = new Map<string, number>();
  let isFirst = true;
  const lookAt = async (service: Service): Promise<void> => {
    for (const [series, value] of await service.metrics()) {
      const key = `${service.name} ${series}`;
      const last = lasts.get(key) ?? 0;
      if (!isFirst) grown.set(series, (grown.get(series) ?? 0) + (value < last ? value : value - last));
      lasts.set(key, value);
    }
  };
  const look = async (): Promise<void> => void (await Promise.all(services.map(lookAt)));
  await look();
  isFirst = false;
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = look();
  }, LOOK_EVERY_MS);
  return {
    look,
    end: async () => {
      clearInterval(timer);
      await looking;
      await look();
    },
    of: (series) => [...grown].reduce((sum, [name, by]) => (name.startsWith(series) ? sum + by : sum), 0),
  };
}
