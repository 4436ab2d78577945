// Members of a few channels each who do what people do: mostly speak, also answer, type, react, edit, take back, read, look back.
// They come, stay for a session and are followed by others, at different moments.
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
// | `DURATION_SEC` | 300 | until everybody leaves |
// | `OK_P99_MS`, `DELIVERY_P99_MS` | 500 | bounds on every message |
// | `RESULTS` | | writes the summary to this name with `.json` and `.txt` |
// | `MEMBERS` | 100 | how many are there at a time |
// | `CHANNELS` | 20 | how many there are |
// | `CHANNELS_EACH` | 3 | how many of them a member is in |
// | `THINK_MS` | 2000 | a member does something so often, in the mean |
// | `SESSION_SEC` | 60 | a session takes from half of it to one and a half |
import exec from "k6/execution";
import type { Options } from "k6/options";
import { createMixer, thinkMs } from "./members/deeds.ts";
import { commonKnobs, numberKnob } from "./members/knobs.ts";
import { runMember } from "./members/member.ts";
import { bounds, TREND_STATS } from "./members/metrics.ts";
import { beginRun, channelOf, GRACE_SEC, summarize } from "./members/run.ts";
import type { Run, Summary } from "./members/run.ts";
import { createTokens } from "./members/tokens.ts";

const common = commonKnobs(300);
const members = numberKnob("MEMBERS", 100);
const channels = numberKnob("CHANNELS", 20);
const channelsEach = numberKnob("CHANNELS_EACH", 3);
const meanThinkMs = numberKnob("THINK_MS", 2_000);
const sessionMs = numberKnob("SESSION_SEC", 60) * 1_000;
const tokens = createTokens(common.api);

export const options: Options = {
  scenarios: {
    mix: {
      executor: "constant-vus",
      exec: "mix",
      vus: members,
      duration: `${common.durationSec}s`,
      gracefulStop: `${GRACE_SEC}s`,
    },
  },
  summaryTrendStats: TREND_STATS,
  thresholds: bounds(common),
};

export const setup = (): Promise<Run> => beginRun(common, channels);

export const mix = (run: Run): Promise<void> => {
  const number = exec.vu.idInTest;
  const own = Array.from({ length: Math.min(channelsEach, channels) }, (_, n) =>
    channelOf(run, (number * channelsEach + n) % channels),
  );
  const mixer = createMixer();
  return runMember({
    run,
    number,
    edges: common.edges,
    tokens,
    channels: own,
    untilMs: Math.min(run.untilMs, Date.now() + sessionMs * (0.5 + Math.random())),
    watch: mixer.watch,
    begin: (member) =>
      member.every(
        () => thinkMs(meanThinkMs),
        () => mixer.act(member, own),
      ),
  });
};

export const handleSummary = (data: Summary): Record<string, string> => summarize("chat-mix", common, data);
