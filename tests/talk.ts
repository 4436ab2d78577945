// Owns the load of the fault tests: people who speak in channels until told to stop, what became of each thing they said,
// and the judgement over all of it. Called by tests that kill or cut something meanwhile.
// Must never repeat or forget a message by itself: repeating is the client's part, and each answer is kept as it came.
import { setTimeout as delay } from "node:timers/promises";
import { checkHistories, ConnectionLost, describeViolations, eventually, newClientId } from "@rookery/testkit";
import type { ChatClient, Cluster, Frame, Row } from "@rookery/testkit";
import { expect } from "vitest";

/** Limits of sessions, users, addresses and channels far above what a talk does, so that only the fault is felt. */
export const UNHURRIED = {
  ROOKERY_SENDS_PER_SEC: "10000",
  ROOKERY_SEND_BURST: "10000",
  ROOKERY_COMMANDS_PER_SEC: "10000",
  ROOKERY_COMMAND_BURST: "10000",
  ROOKERY_USER_SENDS_PER_SEC: "1000000",
  ROOKERY_ADDRESS_SENDS_PER_SEC: "1000000",
  ROOKERY_CHANNEL_SENDS_PER_SEC: "1000000",
};

export interface Speaker {
  readonly client: ChatClient;
  readonly channel: string;
  /** Awaited before each message. */
  readonly before?: () => Promise<void>;
}

export interface Said extends Speaker {
  readonly clientId: string;
  /** The `ok` or `error`; undefined when the connection of a client that does not come back ended before it. */
  readonly reply: Frame | undefined;
}

export interface Talk {
  readonly said: readonly Said[];
  /** How often `ok` was answered so far. */
  acknowledged(): number;
  /** Resolves once everybody has said what they had to, or lost their connection. */
  readonly over: Promise<void>;
  /** Nobody begins another message; resolves when the last answer is there. */
  end(): Promise<void>;
}

export interface TalkOptions {
  /** Messages of each speaker; without an end unless given. */
  readonly messages?: number;
  /** What a speaker rests after each answer; 0 unless given. */
  readonly paceMs?: number;
  /** At the end of each message; nothing unless given. */
  readonly padding?: string;
}

export function startTalk(
  speakers: readonly Speaker[],
  { messages = Number.POSITIVE_INFINITY, paceMs = 0, padding = "" }: TalkOptions = {},
): Talk {
  const said: Said[] = [];
  let acknowledged = 0;
  let isEnding = false;
  const speak = async ({ client, channel, before }: Speaker): Promise<void> => {
    for (let n = 0; n < messages && !isEnding; n += 1) {
      await before?.();
      const clientId = newClientId();
      const reply = await client
        .send(channel, `${client.name} says ${n}${padding}`, clientId)
        .catch((error: unknown) => {
          if (error instanceof ConnectionLost) return undefined;
          throw error;
        });
      said.push({ client, channel, clientId, reply });
      if (reply?.type === "ok") acknowledged += 1;
      if (reply === undefined) return;
      if (paceMs > 0) await delay(paceMs);
    }
  };
  const over = Promise.all(speakers.map(speak)).then(() => undefined);
  // A test that failed elsewhere no longer waits for it.
  over.catch(() => undefined);
  return {
    said,
    acknowledged: () => acknowledged,
    over,
    end: async () => {
      isEnding = true;
      await over;
    },
  };
}

/** How a client's connections ended so far, as close codes. */
export const closesOf = (client: ChatClient): number[] =>
  client.history.events.flatMap((event) => (event.kind === "closed" ? [event.code] : []));

export interface JudgedTalk {
  readonly cluster: Pick<Cluster, "rows">;
  readonly talk: Talk;
  /** Everybody who was there, speaking or not. */
  readonly clients: readonly ChatClient[];
  /** Those who must have it all: connected to the end, and in their channel from its beginning. Everybody unless given. */
  readonly stayed?: readonly ChatClient[];
  readonly withinMs?: number;
  /** By what `ok` promises; `fast` unless given. */
  readonly mode?: "fast" | "safe";
}

/**
 * After healing: waits until Postgres holds everything acknowledged and everybody who stayed holds what Postgres holds of
 * their channel, then judges all histories. Answers the rows.
 */
export async function expectPromisesKept(judged: JudgedTalk): Promise<Row[]> {
  const { cluster, talk, clients, stayed = clients, withinMs = 10_000, mode = "fast" } = judged;
  const acknowledged = talk.said.filter(({ reply }) => reply?.type === "ok");
  const channels = new Set(talk.said.map(({ channel }) => channel));
  const rows = await eventually(
    async () => {
      const found = (await cluster.rows()).filter(({ channel }) => channels.has(channel));
      const ids = new Set(found.map(({ id }) => id));
      expect(acknowledged.filter(({ reply }) => !ids.has(reply?.id ?? ""))).toHaveLength(0);
      return found;
    },
    { withinMs, everyMs: 100, what: "everything acknowledged in Postgres" },
  );
  for (const channel of channels) {
    const stored = rows.filter((row) => row.channel === channel).length;
    const listening = stayed.filter((client) => client.channel(channel).wanted);
    await eventually(
      () => expect(listening.map((each) => each.inOrder(channel).length)).toEqual(listening.map(() => stored)),
      {
        withinMs,
        what: `all of ${channel} at everybody who stayed`,
      },
    );
  }
  const histories = clients.map(({ history }) => history);
  expect(describeViolations(checkHistories({ clients: histories, rows, mode }))).toBe("");
  expect(clients.flatMap((client) => client.problems())).toEqual([]);
  const messages = rows.filter(({ type }) => type === "message");
  expect(messages.length, "messages that were sent once and stand twice").toBe(
    new Set(messages.map(({ channel, author, clientId }) => `${channel}|${clientId}|${author}`)).size,
  );
  return rows;
}
