// Faults around rights: bans in the middle of a flood, revoked tokens, control messages and last messages that are lost.
// Rows of the table in all-faults.ts.
import { setTimeout as delay } from "node:timers/promises";
import { eventually, newClientId } from "@rookery/testkit";
import type { ChatClient } from "@rookery/testkit";
import { ANYWHERE } from "../fault.ts";
import type { Bite, Fault, Scene } from "../fault.ts";
import type { World } from "../world.ts";

const IN_FORCE_WITHIN_MS = 2_000;
const HEALED_WITHIN_MS = 10_000;
const LAST_MESSAGES = 5;
const BAN_SEC = 600;
const FLOOD_PACE_MS = 5;

let rounds = 0;

/** Somebody who says what they can until it is refused for good, and a listener beside them at each edge. */
async function flood({ world, crowd, name, patienceMs }: Scene) {
  rounds += 1;
  const channel = `${name}-flood-${rounds}`;
  const user = `${name}-mallory-${rounds}`;
  const edges = world.edges.map((_, edge) => edge);
  const devices = await Promise.all(edges.map((edge) => crowd.connect({ user, edge, device: edge, returns: false })));
  const listener = await crowd.connect({ user: `${name}-listener-${rounds}`, edge: 0 });
  // Whoever comes first owns the channel, and an only owner cannot be banned.
  for (const client of [listener, ...devices]) await crowd.enter(client, channel);
  const [speaker] = devices;
  if (speaker === undefined) throw new Error("there is no edge");
  let refusedFor = "";
  let isOver = false;
  const over = (async () => {
    for (let n = 0; refusedFor === "" && !isOver; n += 1) {
      const reply = await speaker.send(channel, `flood ${n}`);
      if (reply.type === "error" && reply["retry"] === "never") refusedFor = String(reply.code);
      await delay(FLOOD_PACE_MS);
    }
  })();
  over.catch(() => undefined);
  await eventually(() => listener.inOrder(channel).length > 20, { withinMs: patienceMs(10_000), what: "a flood" });
  const end = async (): Promise<void> => {
    isOver = true;
    await over.catch(() => undefined);
  };
  return { channel, user, devices, listener, over, end, refusedFor: () => refusedFor };
}

function bind(listener: ChatClient, user: string, channel: string): void {
  const bound = { kind: "bound", user, channel, withinMs: IN_FORCE_WITHIN_MS } as const;
  for (const what of ["delivery", "sending"] as const) listener.history.add({ ...bound, what });
}

/** Resolves once it is done; in a mix it may have to be asked for more than once. */
function askFor({ world, patienceMs }: Scene, ...[method, path, body]: Parameters<World["ask"]>): Promise<boolean> {
  return eventually(
    async () => {
      const answer = await world.ask(method, path, body);
      if (!answer.ok) throw new Error(`it was answered ${answer.status}: ${await answer.text()}`);
      return true;
    },
    { withinMs: patienceMs(0), everyMs: 500, what: `${method} ${path}` },
  );
}

async function banInFlood(scene: Scene, isLost: boolean): Promise<number> {
  const { world, note, patienceMs } = scene;
  const { channel, user, listener, end, refusedFor } = await flood(scene);
  try {
    if (isLost) await world.unheard.ban(channel, user);
    else await askFor(scene, "PUT", `/v1/channels/${channel}/bans/${user}`, { forSec: BAN_SEC });
    bind(listener, user, channel);
    await eventually(() => refusedFor() !== "", {
      ...{ withinMs: patienceMs(HEALED_WITHIN_MS), what: "an end of the flood" },
    });
  } finally {
    await end();
  }
  // Others go on: nothing of it may reach whoever is banned.
  for (let n = 0; n < 20; n += 1) {
    await listener.send(channel, `after the ban ${n}`);
    await delay(IN_FORCE_WITHIN_MS / 10);
  }
  note("banned");
  if (isLost) note("announcements lost");
  return 1;
}

async function revokeTokens(scene: Scene): Promise<number> {
  const { note } = scene;
  const { channel, user, devices, listener, over, end } = await flood(scene);
  try {
    await askFor(scene, "POST", "/v1/revocations", { user });
    bind(listener, user, channel);
    await over.catch(() => undefined);
  } finally {
    await end();
  }
  for (const device of devices) {
    const { code } = await device.closed;
    note(code === 4403 ? "closed for it" : `closed with ${code}`);
  }
  for (let n = 0; n < 20; n += 1) {
    await listener.send(channel, `after the revocation ${n}`);
    await delay(IN_FORCE_WITHIN_MS / 10);
  }
  return 1;
}

/** In a channel of one who speaks and a listener at each edge, what the one says is written and announced to nobody. */
async function loseLastMessage({ world, crowd, name, note }: Scene): Promise<number> {
  rounds += 1;
  const channel = `${name}-last-${rounds}`;
  const edges = world.edges.map((_, edge) => edge);
  const [speaker, ...listeners] = await Promise.all(
    [0, ...edges].map((edge, n) => crowd.connect({ user: `${name}-last-${rounds}-${n}`, edge })),
  );
  if (speaker === undefined) throw new Error("nobody speaks");
  for (const client of [speaker, ...listeners]) await crowd.enter(client, channel);
  await speaker.send(channel, "the first one");
  for (let lost = 0; lost < LAST_MESSAGES; lost += 1) {
    const said = { channel, clientId: newClientId(), body: `the last one ${rounds}.${lost}.` };
    speaker.history.add({ kind: "send", session: speaker.session(), ...said });
    const { id, position } = await world.unheard.send(channel, speaker.user, said.body, said.clientId);
    speaker.history.add({ kind: "ok", channel, clientId: said.clientId, id, ...position });
    await Promise.all(
      listeners.map((client) =>
        client.waitFor((frame) => frame.type === "message" && frame.id === id, { withinMs: HEALED_WITHIN_MS }),
      ),
    );
    note("announcements lost");
  }
  return LAST_MESSAGES;
}

const LOST: Bite = { what: "announcements lost", count: ({ noted }) => noted("announcements lost") };
const shared = { topologies: ANYWHERE, touches: ["rights", "edges", "clients"] } as const;
/** What is written past the edges needs a Redis that is whole. */
const pastEdges = { ...shared, touches: [...shared.touches, "redis"] } as const;

export const rightsFaults: readonly Fault[] = [
  {
    ...pastEdges,
    name: "last-message-lost",
    attacks: "A3",
    does: "loses the announcement of a message on every edge, and nothing follows it",
    rounds: 1,
    least: LAST_MESSAGES,
    inject: loseLastMessage,
    connections: "kept",
    bites: [
      { ...LOST, least: LAST_MESSAGES },
      { what: "holes healed", count: ({ grew }) => grew('rookery_edge_relay_events_total{event="hole_healed"}') },
    ],
  },
  {
    ...shared,
    name: "ban-in-flood",
    attacks: "A7",
    does: "bans somebody in the middle of what they say as fast as they can",
    rounds: 2,
    inject: (scene) => banInFlood(scene, false),
    bites: [{ what: "banned", count: ({ noted }) => noted("banned"), least: 2 }],
  },
  {
    ...pastEdges,
    name: "ban-lost",
    attacks: "A7",
    does: "does the same, and no edge hears the announcement of the ban",
    rounds: 2,
    inject: (scene) => banInFlood(scene, true),
    bites: [
      { what: "banned", count: ({ noted }) => noted("banned"), least: 2 },
      { ...LOST, least: 2 },
    ],
  },
  {
    ...shared,
    name: "token-revoked",
    attacks: "A7",
    does: "revokes the tokens of somebody who is connected to every edge and speaks",
    rounds: 2,
    inject: revokeTokens,
    bites: [{ what: "closed for it", count: ({ noted }) => noted("closed for it"), least: 4 }],
  },
];
