// A crowd that connects at one moment, joins, stays for a while and comes again, as after a network was away; beside it a few
// witnesses who talk all the time, by whom it is seen what the others' arrivals cost those who are there.
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
// | `DURATION_SEC` | 60 | until everybody leaves |
// | `OK_P99_MS`, `DELIVERY_P99_MS` | 500 | bounds on the witnesses' messages |
// | `RESULTS` | | writes the summary to this name with `.json` and `.txt` |
// | `MEMBERS` | 100 | how many come at once |
// | `CHANNELS` | 10 | they spread over so many |
// | `HOLD_SEC` | 10 | how long they stay |
// | `CONNECT_P99_MS` | 3000 | bound on the time to `welcome` |
// | `WITNESSES` | 5 | they are in every channel |
// | `THINK_MS` | 500 | a witness speaks so often, in the mean |
import exec from "k6/execution";
import type { Options } from "k6/options";
import { thinkMs } from "./members/deeds.ts";
import { commonKnobs, numberKnob } from "./members/knobs.ts";
import { runMember } from "./members/member.ts";
import { bounds, TREND_STATS } from "./members/metrics.ts";
import { beginRun, channelOf, GRACE_SEC, summarize } from "./members/run.ts";
import type { Run, Summary } from "./members/run.ts";
import { createTokens } from "./members/tokens.ts";

const common = commonKnobs(60);
const members = numberKnob("MEMBERS", 100);
const channels = numberKnob("CHANNELS", 10);
const holdMs = numberKnob("HOLD_SEC", 10) * 1_000;
const connectP99Ms = numberKnob("CONNECT_P99_MS", 3_000);
const witnesses = numberKnob("WITNESSES", 5);
const meanThinkMs = numberKnob("THINK_MS", 500);
const tokens = createTokens(common.api);

export const options: Options = {
  scenarios: {
    witnesses: {
      executor: "per-vu-iterations",
      exec: "witness",
      vus: witnesses,
      iterations: 1,
      maxDuration: `${common.durationSec + GRACE_SEC}s`,
    },
    storm: {
      executor: "constant-vus",
      exec: "storm",
      vus: members,
      duration: `${common.durationSec}s`,
      gracefulStop: `${GRACE_SEC}s`,
    },
  },
  summaryTrendStats: TREND_STATS,
  thresholds: { ...bounds(common), chat_connect_ms: [`p(99)<${connectP99Ms}`] },
};

export const setup = (): Promise<Run> => beginRun(common, channels);

const channelsOf = (run: Run): string[] => Array.from({ length: channels }, (_, n) => channelOf(run, n));

export const witness = (run: Run): Promise<void> => {
  const all = channelsOf(run);
  return runMember({
    run,
    number: exec.vu.idInTest,
    edges: common.edges,
    tokens,
    channels: all,
    untilMs: run.untilMs,
    begin: (member) =>
      member.every(
        () => thinkMs(meanThinkMs),
        () => member.speak(all[Math.floor(Math.random() * all.length)] ?? ""),
      ),
  });
};

export const storm = (run: Run): Promise<void> =>
  runMember({
    run,
    number: exec.vu.idInTest,
    edges: common.edges,
    tokens,
    channels: [channelOf(run, exec.vu.idInTest % channels)],
    untilMs: Math.min(run.untilMs, Date.now() + holdMs),
  });

export const handleSummary = (data: Summary): Record<string, string> => summarize("connect-storm", common, data);
