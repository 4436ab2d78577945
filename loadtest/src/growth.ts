// growth: CPU a delivery while a cluster and its channels become more, against itself. First 1,000 members of one channel on
// 1, 2 and 4 edges and on one of four, at 200 messages a second, the CPU of all edges taken together; then the same few
// members a channel in 10, 1,000 and 50,000 channels of one edge, and what is left of the many when all have gone.

import { composeMessage } from "@rookery/broker";
import { collectGarbage } from "./collect-garbage.ts";
import { compare } from "./compare.ts";
import type { Comparison, Side } from "./compare.ts";
import { deliver, openCrowd } from "./crowd.ts";
import type { Crowd } from "./crowd.ts";
import { cpuSeconds } from "./process-cost.ts";
import { median, round } from "./report.ts";
import type { Report } from "./report.ts";
import { startRig, UNFENCED } from "./rig.ts";
import type { Rig } from "./rig.ts";

const MEMBERS = 1000;
const ROUNDS = 5;
/** Before each round, so that beats have grown to what the rate makes them. */
const WARM_UP_SECONDS = 0.5;
const SECONDS = 1;
const PACE_MAX_MS = "25";
/** Some pulses and sweeps of every edge. */
const IDLE_MS = 2000;
const EDGES = 4;
const ONE_CHANNEL_PER_SEC = 200;

const MANY_CHANNELS_PER_SEC = 1000;
const MEMBERS_A_CHANNEL = 2;
/** As many as one session may join, and one frame may name. */
const CHANNELS_A_SOCKET = 100;
/** With all of their channels each: what they cost Postgres together stays far from its timeout. */
const SOCKETS_AT_ONCE = 10;
const CHANNEL_COUNTS = [10, 1000, 50_000] as const;
const INSPECT_PORT = 29_230;
/** A topic without members is kept for some seconds. */
const GIVEN_BACK_WITHIN_MS = 20_000;

type Row = Report["rows"][number];
type Edge = Awaited<ReturnType<Rig["startEdge"]>>;

export async function growth(): Promise<Report> {
  return {
    name: "growth",
    members: MEMBERS,
    rows: [...(process.env["SKIP"] === undefined ? await withRig(edgesRows) : []), ...(await withRig(channelsRows))],
  };
}

async function withRig(rows: (rig: Rig) => Promise<Row[]>): Promise<Row[]> {
  const rig = await startRig();
  try {
    return await rows(rig);
  } finally {
    await rig.stop();
  }
}

/** All edges run all the time; the channel of a side has its members on some of them. */
async function edgesRows(rig: Rig): Promise<Row[]> {
  const edges: Edge[] = [];
  for (let n = 0; n < EDGES; n += 1) edges.push(await rig.startEdge({ ROOKERY_PACE_MAX_MS: PACE_MAX_MS }));
  const publish = publisherOf(rig);
  const crowdOn = async (channel: string, count: number): Promise<Crowd> => {
    const headers = { Authorization: `Bearer ${await rig.token("reader")}` };
    const frames = [JSON.stringify({ type: "join", channel, limit: 1 })];
    const sockets = MEMBERS / count;
    return openCrowd(
      rig,
      edges.slice(0, count).map(({ port }) => ({ port, sockets, headers, frames })),
    );
  };
  const side = (name: string, crowd: Crowd, channel: string, counted: number): Side => {
    const pids = edges.slice(0, counted).map((edge) => rig.pidOf(edge.process));
    const rate = { perSec: ONE_CHANNEL_PER_SEC, sockets: MEMBERS };
    return sideOf(name, pids, crowd, rate, (body) => publish(channel, body));
  };
  const crowds = [await crowdOn("on-1", 1), await crowdOn("on-2", 2), await crowdOn("on-4", 4)] as const;
  const one = side("members on 1 edge of 1", crowds[0], "on-1", 1);
  const others = [
    side("members on 2 edges of 2", crowds[1], "on-2", 2),
    side("members on 4 edges of 4", crowds[2], "on-4", 4),
    side("members on 1 edge of 4", crowds[0], "on-1", 4),
  ];
  const idleUs = await idleMicroseconds(edges.map((edge) => rig.pidOf(edge.process)));
  const deliveriesPerSec = ONE_CHANNEL_PER_SEC * MEMBERS;
  const idle = [1, 2, EDGES, EDGES].map((counted) => (median(idleUs) * counted) / deliveriesPerSec);
  return rowsOf(await compare(one, others, ROUNDS), [one, ...others], idle, ["", "", "<= 1.15x", ""]);
}

/** CPU microseconds a second of each of these processes while nothing is delivered. */
async function idleMicroseconds(pids: readonly number[]): Promise<number[]> {
  const before = pids.map(cpuSeconds);
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  return pids.map((pid, n) => ((cpuSeconds(pid) - (before[n] ?? 0)) * 1e9) / IDLE_MS);
}

/** `idle`: what each side would cost for being there, as a part of each delivery. */
function rowsOf(
  compared: Comparison,
  sides: readonly Side[],
  idle: readonly number[],
  targets: readonly string[],
): Row[] {
  const without = (side: Side, n: number): number => compared.of(side, "cost") - (idle[n] ?? 0);
  return sides.map((side, n) => ({
    what: side.name,
    "µs/delivery": compared.of(side, "cost"),
    ratio: compared.toBaseline(side, "cost").ratio,
    spread: n === 0 ? `A against A ${compared.sameAgainstSame("cost")}` : compared.toBaseline(side, "cost").spread,
    "of it idle": round(idle[n] ?? 0),
    "ratio of the rest": round(without(side, n) / (sides[0] === undefined ? 1 : without(sides[0], 0))),
    target: targets[n] ?? "",
  }));
}

/** An edge for each number of channels, with as many members in each. */
async function channelsRows(rig: Rig): Promise<Row[]> {
  const publish = publisherOf(rig);
  const sides: Side[] = [];
  const stages: { edge: Edge; crowd: Crowd; before: Holdings }[] = [];
  for (const count of CHANNEL_COUNTS) {
    const edge = await rig.startEdge({
      ROOKERY_PACE_MAX_MS: PACE_MAX_MS,
      ROOKERY_COMMAND_BURST: "1000",
      NODE_OPTIONS: `--inspect=127.0.0.1:${INSPECT_PORT + stages.length}`,
    });
    const before = await holdings(edge, INSPECT_PORT + stages.length);
    const crowd = await openMembers(rig, edge, count);
    let sent = 0;
    const channelOf = (n: number): string => nameOf(count, (n * 7919) % count);
    const rate = { perSec: MANY_CHANNELS_PER_SEC, sockets: MEMBERS_A_CHANNEL };
    const name = `${count} channels of ${MEMBERS_A_CHANNEL} on one edge`;
    sides.push(sideOf(name, [rig.pidOf(edge.process)], crowd, rate, (body) => publish(channelOf((sent += 1)), body)));
    stages.push({ edge, crowd, before });
  }
  const [few, ...more] = sides;
  if (few === undefined) return [];
  const pids = stages.map(({ edge }) => rig.pidOf(edge.process));
  const deliveriesPerSec = MANY_CHANNELS_PER_SEC * MEMBERS_A_CHANNEL;
  const idle = (await idleMicroseconds(pids)).map((each) => each / deliveriesPerSec);
  const rows = rowsOf(await compare(few, more, ROUNDS), sides, idle, ["", "<= 1.2x", "<= 1.2x"]);
  const last = stages.at(-1);
  return last === undefined ? rows : [...rows, ...(await leftRows(last, INSPECT_PORT + stages.length - 1))];
}

const nameOf = (count: number, n: number): string => `of-${count}-${n}`;

/** Every channel has its members on sockets of their own, and every socket sits in as many channels as it may. */
async function openMembers(rig: Rig, { port }: Edge, count: number): Promise<Crowd> {
  const each = Math.min(CHANNELS_A_SOCKET, count / MEMBERS_A_CHANNEL);
  const sockets = (count * MEMBERS_A_CHANNEL) / each;
  const headers = { Authorization: `Bearer ${await rig.token("member")}` };
  const framesOf = Array.from({ length: sockets }, (_, socket) => {
    const joins = Array.from({ length: each }, (_none, n) => ({ channel: nameOf(count, (socket * each + n) % count) }));
    return [JSON.stringify({ type: "join", ref: "all", joins, limit: 1 })];
  });
  // `welcome` and the one reply.
  const batches = { sockets: SOCKETS_AT_ONCE, answers: 2 };
  return openCrowd(rig, [{ port, sockets, headers, frames: [], framesOf, batches }]);
}

/** Half a second apart. */
const SETTLING_LOOKS = 10;

interface Holdings {
  readonly heapBytes: number;
  readonly topics: number;
  readonly memberships: number;
}

async function holdings({ internalPort }: Edge, inspectPort: number): Promise<Holdings> {
  await collectGarbage(inspectPort);
  const text = await (await fetch(`http://127.0.0.1:${internalPort}/metrics`)).text();
  const read = (name: string): number => Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1]);
  return {
    heapBytes: read("nodejs_heap_size_used_bytes"),
    topics: read("rookery_edge_subscribed_topics"),
    memberships: read("rookery_edge_memberships"),
  };
}

/** What an edge still holds after its crowd has gone. */
async function leftRows(
  { edge, crowd, before }: { edge: Edge; crowd: Crowd; before: Holdings },
  inspectPort: number,
): Promise<Row[]> {
  const full = await holdings(edge, inspectPort);
  crowd.leave();
  const deadlineMs = performance.now() + GIVEN_BACK_WITHIN_MS;
  let now = await holdings(edge, inspectPort);
  // No topic is wanted from the moment it is left; what Redis has to hear of that is still on its way then.
  for (let looks = 0; looks < SETTLING_LOOKS && performance.now() < deadlineMs; looks += now.topics > 0 ? 0 : 1) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    now = await holdings(edge, inspectPort);
  }
  const mib = (bytes: number): number => round(bytes / 2 ** 20);
  return [
    { what: "topics: full, then left", full: full.topics, left: now.topics, target: "0" },
    { what: "memberships: full, then left", full: full.memberships, left: now.memberships, target: "0" },
    {
      what: "heap MiB above the start: full, then left",
      full: mib(full.heapBytes - before.heapBytes),
      left: mib(now.heapBytes - before.heapBytes),
      target: "",
    },
  ];
}

/** Each round tells the CPU microseconds of these processes for each frame that reached a socket. */
function sideOf(
  name: string,
  pids: readonly number[],
  crowd: Crowd,
  rate: { perSec: number; sockets: number },
  publish: (body: string) => void,
): Side {
  const spent = (): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0);
  return {
    name,
    async round() {
      await deliver(crowd, { ...rate, seconds: WARM_UP_SECONDS }, publish);
      const before = spent();
      await deliver(crowd, { ...rate, seconds: SECONDS }, publish);
      return { cost: ((spent() - before) * 1e6) / (rate.perSec * SECONDS * rate.sockets) };
    },
  };
}

function publisherOf(rig: Rig): (channel: string, body: string) => void {
  const publisher = rig.publisher();
  let made = 0;
  return (channel, body) => {
    made += 1;
    const id = `bench-${String(made).padStart(15, "0")}`;
    const message = composeMessage({ channel, id, clientId: id, user: "bench", name: "bench", body });
    void publisher.publish({ ...message, ...UNFENCED });
  };
}
