// Hours of ordinary life: people who come and go, some of whom talk and most of whom listen, tokens that run out and are renewed,
// edges that are restarted meanwhile. Looks for what only time shows: the end may not be slower than the bounds allow.
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
// | `DURATION_SEC` | 14400 | until everybody leaves |
// | `OK_P99_MS`, `DELIVERY_P99_MS` | 500 | bounds on every message |
// | `RESULTS` | | writes the summary to this name with `.json` and `.txt` |
// | `MEMBERS` | 200 | how many are there at a time |
// | `CHANNELS` | 40 | how many there are; a member is in two |
// | `TALKING` | 0.25 | share of the members who do anything but listen |
// | `THINK_MS` | 5000 | who talks does something so often, in the mean |
// | `SESSION_SEC` | 1800 | a session takes from half of it to one and a half |
// | `LATE_OK_P99_MS` | `OK_P99_MS` | bound on `ok` in the last quarter alone |
import exec from "k6/execution";
import { Trend } from "k6/metrics";
import type { Options } from "k6/options";
import { createMixer, thinkMs } from "./members/deeds.ts";
import { commonKnobs, numberKnob } from "./members/knobs.ts";
import { runMember } from "./members/member.ts";
import { bounds, TREND_STATS } from "./members/metrics.ts";
import { beginRun, channelOf, GRACE_SEC, summarize } from "./members/run.ts";
import type { Run, Summary } from "./members/run.ts";
import { createTokens } from "./members/tokens.ts";

const common = commonKnobs(14_400);
const members = numberKnob("MEMBERS", 200);
const channels = numberKnob("CHANNELS", 40);
const talking = numberKnob("TALKING", 0.25);
const meanThinkMs = numberKnob("THINK_MS", 5_000);
const sessionMs = numberKnob("SESSION_SEC", 1_800) * 1_000;
const lateOkP99Ms = numberKnob("LATE_OK_P99_MS", common.okP99Ms);
const tokens = createTokens(common.api);
const lateOkMs = new Trend("chat_late_ok_ms", true);

export const options: Options = {
  scenarios: {
    soak: {
      executor: "constant-vus",
      exec: "soak",
      vus: members,
      duration: `${common.durationSec}s`,
      gracefulStop: `${GRACE_SEC}s`,
    },
  },
  summaryTrendStats: TREND_STATS,
  thresholds: { ...bounds(common), chat_late_ok_ms: [`p(99)<${lateOkP99Ms}`] },
};

export const setup = (): Promise<Run> => beginRun(common, channels);

export const soak = (run: Run): Promise<void> => {
  const number = exec.vu.idInTest;
  const own = [...new Set([number % channels, (number * 7 + 1) % channels])].map((n) => channelOf(run, n));
  const lateFromMs = run.untilMs - (common.durationSec * 1_000) / 4;
  const mixer = createMixer();
  return runMember({
    run,
    number,
    edges: common.edges,
    tokens,
    channels: own,
    untilMs: Math.min(run.untilMs, Date.now() + sessionMs * (0.5 + Math.random())),
    watch: mixer.watch,
    accepted: (ms) => {
      if (Date.now() >= lateFromMs) lateOkMs.add(ms);
    },
    begin: (member) => {
      if (number > members * talking) return;
      member.every(
        () => thinkMs(meanThinkMs),
        () => mixer.act(member, own),
      );
    },
  });
};

export const handleSummary = (data: Summary): Record<string, string> => summarize("soak", common, data);
