// Members who talk and lose their connections again and again: each comes back on the next edge, from its positions, and has to
// find everything that was said meanwhile, and said nothing twice.
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
// | `OK_P99_MS`, `DELIVERY_P99_MS` | 500 | bounds on every message; not on the `ok` of one whose connection was lost before it |
// | `RESULTS` | | writes the summary to this name with `.json` and `.txt` |
// | `MEMBERS` | 100 | how many there are |
// | `CHANNELS` | 10 | they spread over so many, each in two |
// | `THINK_MS` | 1000 | a member speaks so often, in the mean |
// | `DROP_SEC` | 10 | a member loses its connection so often, in the mean |
// | `AWAY_MS` | 2000 | and comes back after so long, in the mean |
// | `RESUME_P99_MS` | 3000 | bound on the time from the begin of the next connection until nothing is missing |
import exec from "k6/execution";
import type { Options } from "k6/options";
import { thinkMs } from "./members/deeds.ts";
import { commonKnobs, numberKnob } from "./members/knobs.ts";
import { runMember } from "./members/member.ts";
import { bounds, TREND_STATS } from "./members/metrics.ts";
import { beginRun, channelOf, GRACE_SEC, summarize } from "./members/run.ts";
import type { Run, Summary } from "./members/run.ts";
import { createTokens } from "./members/tokens.ts";

const common = commonKnobs(120);
const members = numberKnob("MEMBERS", 100);
const channels = numberKnob("CHANNELS", 10);
const meanThinkMs = numberKnob("THINK_MS", 1_000);
const dropMs = numberKnob("DROP_SEC", 10) * 1_000;
const awayMs = numberKnob("AWAY_MS", 2_000);
const resumeP99Ms = numberKnob("RESUME_P99_MS", 3_000);
const tokens = createTokens(common.api);

export const options: Options = {
  scenarios: {
    resume: {
      executor: "per-vu-iterations",
      exec: "resume",
      vus: members,
      iterations: 1,
      maxDuration: `${common.durationSec + GRACE_SEC}s`,
    },
  },
  summaryTrendStats: TREND_STATS,
  thresholds: { ...bounds(common), chat_returns: ["count>0"], chat_resume_ms: [`p(99)<${resumeP99Ms}`] },
};

export const setup = (): Promise<Run> => beginRun(common, channels);

export const resume = (run: Run): Promise<void> => {
  const number = exec.vu.idInTest;
  const own = [...new Set([number % channels, (number + 1) % channels])].map((n) => channelOf(run, n));
  return runMember({
    run,
    number,
    edges: common.edges,
    tokens,
    channels: own,
    untilMs: run.untilMs,
    begin: (member) => {
      member.every(
        () => thinkMs(meanThinkMs),
        () => member.speak(own[Math.floor(Math.random() * own.length)] ?? ""),
      );
      member.every(
        () => thinkMs(dropMs),
        () => member.drop(thinkMs(awayMs)),
      );
    },
  });
};

export const handleSummary = (data: Summary): Record<string, string> => summarize("resume", common, data);
