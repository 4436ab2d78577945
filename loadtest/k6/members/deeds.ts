// What people do in a chat, in the shares of a busy channel: mostly they speak. Used by chat-mix and soak.
import type { Frame, Sequenced } from "./frame.ts";
import type { Member } from "./member-options.ts";

interface Memory {
  /** The newest message heard, and the newest one said, by channel. */
  readonly heard: Map<string, Sequenced>;
  readonly said: Map<string, string>;
}

export interface Mixer {
  watch(this: void, frame: Sequenced): void;
  /** One deed, by chance, in one of the channels. */
  act(member: Member, channels: readonly string[]): void;
}

type Deed = (member: Member, channel: string, memory: Memory) => void;

const EMOJI = ["👍", "🎉", "👀", "🙂"];
/** Others may have taken back what one acts upon. */
const GONE = ["not_found"];

const speak: Deed = (member, channel, { said }) =>
  member.speak(channel, {}, ({ id }: Frame) => id !== undefined && said.set(channel, id));

const answer: Deed = (member, channel, { heard }) => {
  const { id } = heard.get(channel) ?? {};
  member.speak(channel, id === undefined ? {} : { replyTo: id });
};

const type: Deed = (member, channel) => member.ask({ type: "typing", channel, on: true });

const react: Deed = (member, channel, { heard }) => {
  const { id } = heard.get(channel) ?? {};
  if (id !== undefined) member.ask({ type: "react", channel, id, emoji: anyOf(EMOJI), on: true }, GONE);
};

const edit: Deed = (member, channel, { said }) => {
  const id = said.get(channel);
  if (id !== undefined) member.ask({ type: "edit", channel, id, body: `edited at ${Date.now()}` }, GONE);
};

const takeBack: Deed = (member, channel, { said }) => {
  const id = said.get(channel);
  said.delete(channel);
  if (id !== undefined) member.ask({ type: "delete", channel, id }, GONE);
};

const read: Deed = (member, channel, { heard }) => {
  const last = heard.get(channel);
  if (last !== undefined) member.ask({ type: "read", channel, epoch: last.epoch, seq: last.seq });
};

const look: Deed = (member, channel) => member.ask({ type: "history", channel, limit: 50 });
const count: Deed = (member, channel) => member.ask({ type: "members", channel });

const DEEDS: readonly (readonly [share: number, deed: Deed])[] = [
  [50, speak],
  [10, answer],
  [14, type],
  [8, react],
  [4, edit],
  [2, takeBack],
  [8, read],
  [3, look],
  [1, count],
];

export function createMixer(): Mixer {
  const memory: Memory = { heard: new Map(), said: new Map() };
  return {
    watch(frame) {
      if (frame.type === "message") memory.heard.set(frame.channel, frame);
    },
    act(member, channels) {
      const channel = anyOf(channels);
      if (channel !== undefined) anyDeed()(member, channel, memory);
    },
  };
}

/** Waits as people do: short ones often, long ones seldom. */
export function thinkMs(meanMs: number): number {
  return -Math.log(1 - Math.random()) * meanMs;
}

function anyDeed(): Deed {
  let left = Math.random() * DEEDS.reduce((sum, [share]) => sum + share, 0);
  for (const [share, deed] of DEEDS) {
    left -= share;
    if (left < 0) return deed;
  }
  return speak;
}

function anyOf<T>(items: readonly T[]): T | undefined {
  return items[Math.floor(Math.random() * items.length)];
}
