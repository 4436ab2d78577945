// Keeps Redis from filling up with what Postgres has: looks how full it is, behind commits and once a second, and has the
// saved log shed from 90 % of maxmemory on. Started by main, which tells it of commits. Redis' part is in shed.lua.
// Must never have anything shed while Postgres does not answer: whoever wants it back reads it there.
// States: roomy, short (from the first look above the mark until a minute after the last). Each change is logged once.
import { SHED_FROM } from "@rookery/broker";
import type { Shed, Shedding } from "@rookery/broker";

export interface ReliefOptions {
  readonly shedding: Shedding;
  /** The partitions that this persister drains: of each, one persister sheds. */
  owned(this: void): readonly number[];
  postgresAnswers(this: void): Promise<boolean>;
  /** Told of what was taken. */
  shed(this: void, shed: Shed): void;
  readonly log: Record<"info" | "warn", (fields: object, message: string) => void>;
  /** Monotonic, in ms. */
  readonly clock?: () => number;
}

export interface Relief {
  /** Looks, unless it did a moment ago or still does. Never rejects. */
  look(): Promise<void>;
  /** Looks, and puts a little of the list of what may be shed in order. Never rejects. */
  sweep(): Promise<void>;
  /** What an operator should know, in one line, or undefined. */
  trouble(): string | undefined;
  /** Used share of maxmemory at the last look, of the fullest master; NaN without a limit or an answer. */
  fullness(): number;
}

/** Between two looks: a flood of 10 MB/s fills a tenth of a Redis of 10 MB meanwhile. */
const PAUSE_MS = 100;
/** The longest time spent on one look; the next one goes on. */
const SHED_FOR_MS = 500;
/** A flood is below the mark after each shedding and above it soon after: that is one shortage. */
const CALM_MS = 60_000;

export function createRelief(options: ReliefOptions): Relief {
  const { shedding, owned, postgresAnswers, log, clock = monotonic } = options;
  let looking: Promise<void> | undefined;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  let shortAtMs: number | undefined;
  let fullness = Number.NaN;
  let sparesYoung = false;
  let [entries, bytes] = [0, 0];

  async function relieve(): Promise<void> {
    fullness = (await shedding.fullness()) ?? Number.NaN;
    if (!(fullness >= SHED_FROM)) {
      calm();
      return;
    }
    if (shortAtMs === undefined) log.warn({ fullness }, "Redis is nearly full; log that Postgres has is shed");
    shortAtMs = clock();
    sparesYoung = !(await postgresAnswers());
    const shed = await shedding.shed(owned(), SHED_FOR_MS, sparesYoung);
    entries += shed.entries;
    bytes += shed.bytes;
    options.shed(shed);
  }

  function calm(): void {
    if (shortAtMs === undefined || clock() - shortAtMs < CALM_MS) return;
    shortAtMs = undefined;
    log.info({ fullness, entries, bytes }, "Redis has room again");
  }

  /** Redis away: nothing to do, and the next look comes. */
  const unless = (): void => {
    fullness = Number.NaN;
  };

  function look(): Promise<void> {
    if (looking === undefined && clock() - lookedAtMs >= PAUSE_MS) {
      looking = relieve()
        .catch(unless)
        .finally(() => {
          looking = undefined;
          lookedAtMs = clock();
        });
    }
    return looking ?? Promise.resolve();
  }

  return {
    look,
    async sweep() {
      await look();
      await shedding.tidy(owned()).catch(unless);
    },
    trouble() {
      if (shortAtMs === undefined) return undefined;
      const share = Number.isNaN(fullness) ? "nearly" : `${Math.round(fullness * 100)} %`;
      const kept = sparesYoung ? "; those of the last minute are kept while Postgres does not answer" : "";
      return `Redis is ${share} full: ${entries} saved log entries were shed so far${kept}`;
    },
    fullness: () => fullness,
  };
}

function monotonic(): number {
  return performance.now();
}
