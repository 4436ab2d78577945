// Owns the people of a run: independent clients that speak, listen and read back in channels of the run's own, over all
// edges, each with a history in a file. Called by run.ts; faults may bring people of their own.
// States: gathering, talking, silent, gone. Must never repeat or mend anything itself: that is the client's part.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connectClient, ConnectionLost, createHistory, eventually } from "@rookery/testkit";
import type { ChatClient, Frame } from "@rookery/testkit";
import type { World } from "./world.ts";

export interface CrowdOptions {
  /** Names its channels and users; different for each run of a world. */
  readonly name: string;
  /** Where its histories go. */
  readonly folder: string;
  readonly speakers: number;
  readonly channels: number;
  /** Rest of a speaker after each answer. */
  readonly paceMs: number;
}

export interface Guest {
  readonly user: string;
  /** The edge it begins at. */
  readonly edge: number;
  /** Tells several connections of one user apart. */
  readonly device?: number;
  /** False: it does not come back when its connection ends. */
  readonly returns?: boolean;
  /** Instead of the edge's own address. */
  readonly url?: string;
}

export interface Crowd {
  readonly channels: readonly string[];
  /** Everybody who was ever there, for the checker. */
  readonly all: readonly ChatClient[];
  readonly speakers: readonly ChatClient[];
  /** Those whose connections did not end for good. */
  here(): readonly ChatClient[];
  /** One more, who says nothing by itself. */
  connect(guest: Guest): Promise<ChatClient>;
  /** Joins, and again while what is in the way passes by itself. */
  enter(client: ChatClient, channel: string, options?: { persisted?: boolean }): Promise<void>;
  /** Users present in a channel, as a client is told that comes back when its connection ends. */
  present(client: ChatClient, channel: string): Promise<string[]>;
  /** Sends acknowledged so far. */
  acknowledged(): number;
  /** Resolves once every speaker was answered `ok` to something said after now; to the ms which that took. */
  everybodySpoke(withinMs: number): Promise<number>;
  /** Nobody begins another message; resolves when the last answer is there. */
  silence(): Promise<void>;
  goHome(): Promise<void>;
}

/** A client that waits longer for an answer than any fault lasts: none of its commands may stay without one. */
const ANSWER_WITHIN_MS = 120_000;
/** After a message of so many a speaker reads a page back. */
const READS_BACK_EVERY = 25;
const PAGE = 20;
/** Above what the longest fault takes. */
const ENTERS_WITHIN_MS = 60_000;

/** A page that was asked for on a connection that ended is not asked for again. */
function ignoreLoss(error: unknown): void {
  if (!(error instanceof ConnectionLost)) throw error;
}

/** The reply of an attempt that is repeated as long as a repeat may help. */
async function untilGranted(client: ChatClient, attempt: () => Promise<Frame>): Promise<Frame> {
  const untilMs = performance.now() + ENTERS_WITHIN_MS;
  for (;;) {
    const reply = await attempt().catch(async (error: unknown) => {
      ignoreLoss(error);
      // Rejects for whoever does not come back.
      await client.ready();
      return undefined;
    });
    if (reply?.type === "ok" || reply?.["retry"] === "never" || performance.now() > untilMs) {
      return reply ?? { type: "error", code: "connection lost" };
    }
    await delay(reply?.retryAfterMs ?? 200);
  }
}

export async function gatherCrowd(world: World, options: CrowdOptions): Promise<Crowd> {
  const { name, folder, paceMs } = options;
  await mkdir(folder, { recursive: true });
  const all: ChatClient[] = [];
  const gone = new Set<ChatClient>();
  const urls = world.edges.map(({ clients }) => `ws://127.0.0.1:${clients.port}/ws`);
  const channels = Array.from({ length: options.channels }, (_, n) => `${name}-${n + 1}`);

  const connect: Crowd["connect"] = async ({ user, edge, device, returns = true, url = urls[edge] ?? "" }) => {
    const client = device === undefined ? user : `${user}-${device}`;
    const history = createHistory({ client, user, file: join(folder, `${client}.jsonl`) });
    const reconnecting = { urls: [url, ...urls.filter((each) => each !== url)], firstDelayMs: 100, maxDelayMs: 1_000 };
    const connectOnce = (): Promise<ChatClient> =>
      connectClient({
        ...{ url, token: () => world.token(user), name: client, history, answerWithinMs: ANSWER_WITHIN_MS },
        ...(returns ? { reconnecting } : {}),
      });
    const connected = await eventually(connectOnce, {
      ...{ withinMs: ENTERS_WITHIN_MS, everyMs: 200, what: `a connection for ${client}` },
    });
    all.push(connected);
    void connected.closed.then(() => gone.add(connected));
    return connected;
  };

  const enter: Crowd["enter"] = async (client, channel, more = {}) => {
    const reply = await untilGranted(client, () => client.join(channel, more));
    if (reply.type !== "ok") throw new Error(`${client.name} may not enter ${channel}: ${String(reply.code)}`);
  };

  const speakers = await Promise.all(
    Array.from({ length: options.speakers }, async (_, n) => {
      const client = await connect({ user: `${name}-u${n}`, edge: n % urls.length });
      await enter(client, channels[n % channels.length] ?? "", { persisted: n % 4 === 0 });
      return client;
    }),
  );
  let isOver = false;
  let acknowledged = 0;
  const lastHeardMs = new Map<ChatClient, number>();
  const speak = async (client: ChatClient, channel: string): Promise<void> => {
    for (let n = 1; !isOver; n += 1) {
      const beganMs = performance.now();
      const reply = await client.send(channel, `${client.name} says ${n}`);
      if (reply.type === "ok") {
        acknowledged += 1;
        lastHeardMs.set(client, beganMs);
      }
      if (n % READS_BACK_EVERY === 0) await client.readHistory(channel, { limit: PAGE }).catch(ignoreLoss);
      await delay(Math.max(paceMs, reply.retryAfterMs ?? 0));
    }
  };
  const talking = Promise.all(
    speakers.map((client, n) =>
      // Whoever is closed for good has nothing more to say.
      speak(client, channels[n % channels.length] ?? "").catch(ignoreLoss),
    ),
  );
  talking.catch(() => undefined);

  return {
    ...{ channels, all, speakers, connect, enter },
    present: async (client, channel) => {
      const { members } = await untilGranted(client, () => client.request({ type: "members", channel, limit: 1000 }));
      return Array.isArray(members) ? members.map(({ user }: { user: string }) => user) : [];
    },
    here: () => all.filter((client) => !gone.has(client)),
    acknowledged: () => acknowledged,
    everybodySpoke: async (withinMs) => {
      const sinceMs = performance.now();
      const silent = (): string[] =>
        speakers.filter((client) => (lastHeardMs.get(client) ?? 0) < sinceMs).map((client) => client.name);
      await eventually(
        () => {
          if (silent().length > 0) throw new Error(`nothing of ${silent().join(", ")}`);
          return true;
        },
        { withinMs, what: "an ok for everybody" },
      );
      return performance.now() - sinceMs;
    },
    silence: async () => {
      isOver = true;
      await talking;
    },
    goHome: async () => {
      await Promise.all(all.map((client) => client.close()));
    },
  };
}
