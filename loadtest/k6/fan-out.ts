// One channel with many listeners and few speakers: what a message costs on its way to everybody, and whether everybody is told
// each of them once, in order.
//
// | knob | default | what |
// | --- | --- | --- |
// | `EDGES` | the two of `rookery dev` | addresses of edges or of what balances them, by commas |
// | `API` | that of `rookery dev` | where guests take their tokens and channels are made |
// | `TOKENS` | | a file with one token a line, in place of guests |
// | `JWT_SECRET` | | signs tokens here, in place of guests |
// | `JWT_ISSUER`, `JWT_AUDIENCE` | `rookery` | what those tokens carry |
// | `API_KEY` | | makes the channels first, for a cluster that makes none when they are joined |
// | `CHANNEL` | `load-` and the run | the channels' name, without their numbers |
// | `DURATION_SEC` | 120 | until everybody leaves |
// | `OK_P99_MS`, `DELIVERY_P99_MS` | 500 | bounds on every message |
// | `RESULTS` | | writes the summary to this name with `.json` and `.txt` |
// | `LISTENERS` | 200 | members who only listen |
// | `SPEAKERS` | 5 | members who speak; a session may send 20 a second |
// | `WARM_SEC` | 5 | speakers begin so long after they came, when the listeners are there |
// | `PER_SEC` | 10 | messages a second, of all speakers together |
import exec from "k6/execution";
import type { Options } from "k6/options";
import { commonKnobs, numberKnob } from "./members/knobs.ts";
import { runMember } from "./members/member.ts";
import { bounds, TREND_STATS } from "./members/metrics.ts";
import { beginRun, channelOf, GRACE_SEC, summarize } from "./members/run.ts";
import type { Run, Summary } from "./members/run.ts";
import { createTokens } from "./members/tokens.ts";

const common = commonKnobs(120);
const listeners = numberKnob("LISTENERS", 200);
const speakers = numberKnob("SPEAKERS", 5);
const warmMs = numberKnob("WARM_SEC", 5) * 1_000;
const perSec = numberKnob("PER_SEC", 10);
const tokens = createTokens(common.api);
const maxDuration = `${common.durationSec + GRACE_SEC}s`;

export const options: Options = {
  scenarios: {
    listeners: { executor: "per-vu-iterations", exec: "listen", vus: listeners, iterations: 1, maxDuration },
    speakers: { executor: "per-vu-iterations", exec: "speak", vus: speakers, iterations: 1, maxDuration },
  },
  summaryTrendStats: TREND_STATS,
  thresholds: bounds(common),
};

export const setup = (): Promise<Run> => beginRun(common, 1);

const everybody = (run: Run) => ({
  run,
  number: exec.vu.idInTest,
  edges: common.edges,
  tokens,
  channels: [channelOf(run, 0)],
  untilMs: run.untilMs,
});

export const listen = (run: Run): Promise<void> => runMember(everybody(run));

/** Evenly, so that what a speaker waits for is no rest of its own. */
export const speak = (run: Run): Promise<void> => {
  let nextMs = warmMs;
  return runMember({
    ...everybody(run),
    begin: (member) =>
      member.every(
        () => nextMs,
        () => {
          nextMs = (speakers / perSec) * 1_000;
          member.speak(channelOf(run, 0));
        },
      ),
  });
};

export const handleSummary = (data: Summary): Record<string, string> => summarize("fan-out", common, data);
