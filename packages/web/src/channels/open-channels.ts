// The channels of the side list: those in which this user has a role, and those that were opened here before, by the browser's
// storage. Joins each through the SDK, so that what is unread shows. Never leaves one that was not taken off the list.
import type { Channel, Client, Person } from "@rookery/client";
import { canBeId } from "./channel-id.ts";
import { channelOf } from "../rest.ts";
import type { ChannelInfo, Rest } from "../rest.ts";
import { listOf, parsed } from "../shape.ts";
import { createStore } from "../store.ts";
import type { Store } from "../store.ts";

export interface OpenChannel {
  readonly info: ChannelInfo;
  readonly channel: Channel;
}

export interface OpenChannels {
  readonly list: Store<readonly OpenChannel[]>;
  /** The one that is open already, unless this user is out of it: then it is joined anew. */
  readonly open: (info: ChannelInfo, password?: string) => OpenChannel;
  /** The same for one whose name may have to be asked for: a direct one is called as whom it is with. */
  readonly openNamed: (info: ChannelInfo) => Promise<OpenChannel>;
  /** Leaves it and takes it off the list. */
  readonly close: (id: string) => void;
  /** Adds those that this user has become a member of. */
  readonly refresh: () => Promise<void>;
}

export interface OpenChannelsParts {
  readonly client: Pick<Client, "channel">;
  readonly rest: Pick<Rest, "myChannels" | "members">;
  readonly storage: Storage;
  readonly me: Person;
}

/** A session holds at most 100 channels: some are left for what is opened by hand. */
const MOST_JOINED = 80;

export function createOpenChannels({ client, rest, storage, me }: OpenChannelsParts): OpenChannels {
  const key = `rookery-page/${encodeURIComponent(me.user)}/channels`;
  const list = createStore<readonly OpenChannel[]>([]);
  const set = (next: readonly OpenChannel[]): void => {
    list.set(next.toSorted(byName));
    storage.setItem(key, JSON.stringify(next.map(({ info }) => info)));
  };
  const find = (id: string): OpenChannel | undefined => list.state().find(({ info }) => info.id === id);
  const open = (info: ChannelInfo, password?: string): OpenChannel => {
    const there = find(info.id);
    const isIn = there !== undefined && there.channel.state().phase !== "out";
    if (isIn && isToldBy(there.info, info)) return there;
    const channel = isIn ? there.channel : client.channel(info.id, password === undefined ? {} : { password });
    const opened = { info: { ...there?.info, ...info }, channel };
    set([...list.state().filter((each) => each !== there), opened]);
    return opened;
  };
  const named = async (info: ChannelInfo): Promise<ChannelInfo> => {
    if (info.kind !== "direct") return info;
    const known = find(info.id)?.info;
    if (known?.name !== undefined) return known;
    const other = (await rest.members(info.id)).find(({ user }) => user !== me.user);
    return { ...info, name: other?.name ?? me.name };
  };
  const kept = listOf(parsed(storage.getItem(key)), channelOf).filter(({ id }) => canBeId(id));
  for (const info of kept.slice(0, MOST_JOINED)) open(info);
  return {
    list,
    open,
    openNamed: async (info) => open(await named(info)),
    close(id) {
      find(id)?.channel.leave();
      set(list.state().filter(({ info }) => info.id !== id));
    },
    async refresh() {
      for (const info of await rest.myChannels()) {
        if (find(info.id) ? info.kind !== "direct" : list.state().length < MOST_JOINED) open(await named(info));
      }
    },
  };
}

/** As the side list shows them. */
export function nameOf({ id, name, kind }: ChannelInfo): string {
  return name ?? (kind === "direct" ? "Direct messages" : id);
}

/** Whether there is nothing new in what is told. */
function isToldBy(known: ChannelInfo, { kind, name = known.name, owner = known.owner }: ChannelInfo): boolean {
  return kind === known.kind && name === known.name && owner === known.owner;
}

function byName(one: OpenChannel, other: OpenChannel): number {
  return nameOf(one.info).localeCompare(nameOf(other.info)) || (one.info.id < other.info.id ? -1 : 1);
}
