// Faults of edges: they die, stand still, are told to go. Rows of the table in all-faults.ts.
import { setTimeout as delay } from "node:timers/promises";
import { eventually } from "@rookery/testkit";
import type { ChatClient, Violation } from "@rookery/testkit";
import { ANYWHERE } from "../fault.ts";
import type { Bite, Fault, Scene } from "../fault.ts";
import { endSubscribers } from "./links.ts";
import type { EdgeNode } from "../world.ts";

const DEAD_MOST_MS = 1_500;
/** Each way between an edge and its Redis takes so long while it is about to die: its answers are under way. */
const SLOW_MS = 100;
const FROZEN_MS = 20_000;
/** What is promised of the users of a dead node. */
const GONE_WITHIN_MS = 10_000;
const SITTERS = 4;
const CLOCK_OFF_MS = 300_000;
const SPEAK_WITHIN_MS = 10_000;

/** Where most of those are who speak. */
function fullestEdge({ world: { edges }, crowd }: Scene): EdgeNode {
  const here = ({ service }: EdgeNode): number =>
    crowd.speakers.filter((client) => String(client.welcome()["node"]).startsWith(`${service.name}.`)).length;
  const [fullest] = edges.toSorted((a, b) => here(b) - here(a));
  if (fullest === undefined) throw new Error("there is no edge");
  return fullest;
}

async function killInTheMiddle({ service, redis }: EdgeNode): Promise<void> {
  redis?.latency(SLOW_MS);
  await delay(3 * SLOW_MS);
  await service.kill();
  redis?.latency(0);
}

async function killEdge(scene: Scene): Promise<number> {
  const edge = fullestEdge(scene);
  await killInTheMiddle(edge);
  await delay(scene.random.below(DEAD_MOST_MS));
  await edge.service.start();
  return 1;
}

/** Those who sat there do not come back: the others must be told, once, and find them gone. */
async function killEdgeForGood(scene: Scene): Promise<number> {
  const { world, crowd, name, note } = scene;
  const edge = fullestEdge(scene);
  const [channel = ""] = crowd.channels;
  const here = world.edges.indexOf(edge);
  const observer = await crowd.connect({ user: `${name}-observer-${here}`, edge: (here + 1) % world.edges.length });
  await crowd.enter(observer, channel);
  const sitters = await Promise.all(
    Array.from({ length: SITTERS }, (_, n) =>
      crowd.connect({ user: `${name}-sitter-${here}-${n}`, edge: here, returns: false }),
    ),
  );
  for (const sitter of sitters) await crowd.enter(sitter, channel);
  const present = (): Promise<string[]> => crowd.present(observer, channel);
  await eventually(
    async () => {
      const shown = await present();
      return sitters.every(({ user }) => shown.includes(user));
    },
    { what: "all sitters among the members" },
  );
  await killInTheMiddle(edge);
  for (const { user } of sitters) {
    observer.history.add({ kind: "bound", what: "presence", user, channel, withinMs: GONE_WITHIN_MS });
  }
  await delay(GONE_WITHIN_MS + 500);
  for (const user of await present()) observer.history.add({ kind: "present", channel, user });
  note("left told", sitters.filter(({ user }) => timesLeft(observer, user) > 0).length);
  await edge.service.start();
  return 1;
}

const timesLeft = (observer: ChatClient, user: string): number =>
  observer.frames.filter((frame) => frame.type === "left" && frame.user === user).length;

/** Each who sat on the dead edge has left once, for everybody who stayed. */
function leftOnce({ crowd, name }: Scene): Violation[] {
  const observers = crowd.all.filter((client) => client.name.startsWith(`${name}-observer`));
  const sitters = crowd.all.filter((client) => client.name.startsWith(`${name}-sitter`));
  return observers.flatMap((observer) =>
    sitters.flatMap((sitter) => {
      const isHis = sitter.name.split("-").at(-2) === observer.name.split("-").at(-1);
      const times = timesLeft(observer, sitter.user);
      if (!isHis || times === 1) return [];
      const detail = `${observer.name} was told ${times} times that ${sitter.user} has left`;
      return [{ rule: "somebody left other than once", detail }];
    }),
  );
}

async function freezeEdge(scene: Scene): Promise<number> {
  const { service } = fullestEdge(scene);
  service.signal("SIGSTOP");
  await delay(FROZEN_MS / 2);
  await endSubscribers(scene.world.redis);
  await delay(FROZEN_MS / 2);
  service.signal("SIGCONT");
  return 1;
}

async function restartEdges({ world: { edges }, crowd, note, patienceMs }: Scene): Promise<number> {
  for (const { service } of edges) {
    const code = await service.stop();
    if (code === 0) note("ended in order");
    await service.start();
    await eventually(async () => (await service.readiness()) === 200, {
      withinMs: patienceMs(30_000),
      what: service.name,
    });
    await crowd.everybodySpoke(patienceMs(SPEAK_WITHIN_MS));
  }
  return edges.length;
}

/** Nobody is told of a restart that everybody comes back from in time. */
function nobodyMoved({ crowd }: Scene): Violation[] {
  const users = new Set(crowd.speakers.map(({ user }) => user));
  const firstMs = Math.max(...crowd.speakers.map(({ history }) => firstStartMs(history.events)));
  return crowd.speakers.flatMap(({ name, history }) =>
    history.events.flatMap((event) => {
      // Those who gather are told of each other.
      if (event.kind !== "coming" || !users.has(event.user) || event.atMs < firstMs + 1_000) return [];
      return [
        { rule: "somebody moved", detail: `${name} was told that ${event.user} has ${event.what} ${event.channel}` },
      ];
    }),
  );
}

const firstStartMs = (events: ChatClient["history"]["events"]): number =>
  events.find(({ kind }) => kind === "start")?.atMs ?? 0;

/** Its wall clock goes wrong before anything else of it runs. */
const withClockOff = (offMs: number): Record<string, string> => {
  const text = `const now = Date.now; Date.now = () => now() + ${offMs};`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(text)}` };
};

async function putClockOff(scene: Scene): Promise<number> {
  const { service } = fullestEdge(scene);
  const offMs = scene.random.pick([-CLOCK_OFF_MS, CLOCK_OFF_MS]);
  await service.kill();
  await service.start(withClockOff(offMs));
  scene.note("clocks off");
  await scene.crowd.everybodySpoke(scene.patienceMs(SPEAK_WITHIN_MS));
  const other = scene.world.edges.find((edge) => edge.service !== service);
  // Whoever is at the other comes to the one whose clock is wrong.
  other?.clients.cut();
  await scene.crowd.everybodySpoke(scene.patienceMs(SPEAK_WITHIN_MS));
  await delay(3_000);
  await service.kill();
  await service.start();
  return 1;
}

const ENDED: Bite = { what: "connections that ended", count: ({ closed }) => closed, least: 6 };

export const processFaults: readonly Fault[] = [
  {
    name: "edge-killed",
    attacks: "A4 A5 A6",
    does: "kills an edge in the middle of sends, and starts it again",
    topologies: ANYWHERE,
    touches: ["edges"],
    rounds: 3,
    inject: killEdge,
    bites: [ENDED, { what: "unknown", count: ({ unknown }) => unknown }],
  },
  {
    name: "edge-killed-for-good",
    attacks: "A4 A5 A7",
    does: "kills an edge whose users do not come back, and looks who is present 10 s later",
    topologies: ANYWHERE,
    touches: ["edges", "redis", "clients"],
    rounds: 1,
    inject: killEdgeForGood,
    also: leftOnce,
    signals: "whole",
    bites: [ENDED, { what: "told to have left", count: ({ noted }) => noted("left told"), least: SITTERS }],
  },
  {
    name: "edge-frozen",
    attacks: "A3",
    does: `stops an edge for ${FROZEN_MS / 1000} s, cut off by Redis meanwhile, and lets it go on`,
    topologies: ANYWHERE,
    touches: ["edges", "redis"],
    rounds: 1,
    inject: freezeEdge,
    bites: [{ what: "topics subscribed again", count: ({ grew }) => grew("rookery_edge_resubscribes_total") }],
  },
  {
    name: "rolling-restart",
    attacks: "A1 A3 A4",
    does: "tells every edge to go, one after another, and starts it again",
    topologies: ANYWHERE,
    touches: ["edges"],
    rounds: 1,
    least: 2,
    inject: restartEdges,
    also: nobodyMoved,
    signals: "whole",
    bites: [ENDED, { what: "edges that ended in order", count: ({ noted }) => noted("ended in order"), least: 2 }],
  },
  {
    name: "edge-clock-off",
    attacks: "A2",
    does: `starts an edge whose clock is ${CLOCK_OFF_MS / 60_000} min ahead or behind`,
    topologies: ANYWHERE,
    touches: ["edges"],
    rounds: 2,
    inject: putClockOff,
    bites: [ENDED, { what: "clocks off", count: ({ noted }) => noted("clocks off"), least: 2 }],
  },
];
