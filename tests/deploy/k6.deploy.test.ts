import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually, startCluster } from "@rookery/testkit";
import type { Cluster } from "@rookery/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { runLoad } from "./load-run.ts";
import { startSpoiledEdge } from "./spoiled-edge.ts";
import type { Spoil } from "./spoiled-edge.ts";

// One cluster under the five scripts, each for ten seconds. Promises are bounded as they are for anybody; times are not, on
// two cores that do everything at once.

const UNHURRIED = { OK_P99_MS: "15000", DELIVERY_P99_MS: "15000", CONNECT_P99_MS: "15000", RESUME_P99_MS: "15000" };
const MEMBERS = 16;

let cluster: Cluster;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "rookery-tokens-"));
  cluster = await startCluster({ edges: 2, restart: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const knobsOf = (more: Record<string, string>): Record<string, string> => ({
  EDGES: cluster.ready.ws.join(","),
  API: cluster.ready.api,
  DURATION_SEC: "10",
  ...UNHURRIED,
  ...more,
});

const signed = (): Record<string, string> => ({ JWT_SECRET: cluster.ready.jwt.secret });

async function expectKept(script: string, more: Record<string, string>): Promise<Awaited<ReturnType<typeof runLoad>>> {
  const loaded = await runLoad(script, knobsOf(more));
  expect([loaded.exitCode, loaded.crossed, loaded.errors]).toEqual([0, [], []]);
  return loaded;
}

describe("the load scripts against a cluster that keeps its word", () => {
  it("connect-storm: a crowd of guests comes at once, again and again", async () => {
    const { counted } = await expectKept("connect-storm", {
      MEMBERS: "40",
      CHANNELS: "4",
      HOLD_SEC: "2",
      WITNESSES: "2",
    });
    expect(counted("chat_connect_ms")).toBeGreaterThan(80);
  });

  it("chat-mix: people do all that people do", async () => {
    const more = { MEMBERS: "20", CHANNELS: "4", THINK_MS: "300", SESSION_SEC: "4" };
    const { counted } = await expectKept("chat-mix", { ...signed(), ...more });
    expect(counted("chat_heard")).toBeGreaterThan(counted("chat_sent"));
  });

  it("fan-out: every listener is told every message", async () => {
    const { counted } = await expectKept("fan-out", {
      ...signed(),
      LISTENERS: "28",
      SPEAKERS: "2",
      WARM_SEC: "1",
      PER_SEC: "20",
    });
    expect(counted("chat_heard")).toBeGreaterThan(counted("chat_sent") * 20);
  });

  it("resume: members of a list of tokens who lose their connections miss nothing", async () => {
    const file = join(folder, "tokens.txt");
    writeFileSync(file, Array.from({ length: MEMBERS }, (_, n) => `${cluster.token(`listed-${n}`)}\n`).join(""));
    const more = { TOKENS: file, CHANNELS: "4", THINK_MS: "300", DROP_SEC: "3", AWAY_MS: "700" };
    const { counted } = await expectKept("resume", { MEMBERS: String(MEMBERS), ...more });
    expect(counted("chat_returns")).toBeGreaterThan(MEMBERS / 2);
  });

  it("soak: an edge is restarted meanwhile, in channels that were made first", async () => {
    const more = { MEMBERS: String(MEMBERS), CHANNELS: "4", TALKING: "0.5", THINK_MS: "300", SESSION_SEC: "60" };
    const soak = expectKept("soak", { ...signed(), API_KEY: cluster.ready.apiKey, ...more });
    await eventually(async () =>
      expect((await cluster.metrics("edge-1")).get("rookery_edge_connections")).toBeGreaterThan(4),
    );
    cluster.kill("edge-1", "SIGTERM");
    await cluster.restarted("edge-1");
    expect((await soak).counted("chat_returns")).toBeGreaterThan(4);
  });
});

const isMessage = (text: string): boolean => text.startsWith('{"type":"message"');

/** What is done to the tenth message of each connection. */
const tenth = (spoil: (text: string) => readonly string[]): Spoil => {
  return () => {
    let messages = 0;
    return (text) => {
      messages += isMessage(text) ? 1 : 0;
      return isMessage(text) && messages === 10 ? spoil(text) : [text];
    };
  };
};

const swapped: Spoil = () => {
  let messages = 0;
  let kept: string | undefined;
  return (text) => {
    if (!isMessage(text)) return [text];
    messages += 1;
    if (messages === 10) {
      kept = text;
      return [];
    }
    const both = kept === undefined ? [text] : [text, kept];
    kept = undefined;
    return both;
  };
};

const untouched: Spoil = () => (text) => [text];

describe("the load scripts against a line that breaks a promise", () => {
  it.each([
    ["a frame that is dropped on its way", tenth(() => []), 0, ["chat_lost count==0"]],
    ["a frame that comes twice", tenth((text) => [text, text]), 0, ["chat_repeated count==0"]],
    ["a frame that comes behind the next", swapped, 0, ["chat_disordered count==0"]],
    ["frames that are a second late", untouched, 1_000, ["chat_ok_ms p(99)<900", "chat_delivery_ms p(99)<900"]],
  ])("fail by %s, and name it", async (_what, spoil, lateMs, crossed) => {
    const spoiled = await startSpoiledEdge(cluster.ready.ws[0] ?? "", spoil, lateMs);
    const speed = lateMs === 0 ? {} : { OK_P99_MS: "900", DELIVERY_P99_MS: "900" };
    const more = { EDGES: spoiled, DURATION_SEC: "4", LISTENERS: "3", SPEAKERS: "1", WARM_SEC: "0", PER_SEC: "15" };
    const loaded = await runLoad("fan-out", knobsOf({ ...signed(), ...more, ...speed }));
    expect([loaded.exitCode, loaded.crossed.toSorted(), loaded.errors]).toEqual([99, crossed.toSorted(), []]);
  });

  it("end before they begin with a knob that is no number", async () => {
    await expect(runLoad("fan-out", knobsOf({ PER_SEC: "many" }))).rejects.toThrow(
      "PER_SEC must be a number from 0, and is many",
    );
  });
});
