// The channels of the side list: those that this user is a member of, and those that were opened here before, by the browser's
// storage. Joins each through the SDK, so that what is unread shows. Never leaves one that was not taken off the list.
import type { Channel, Client } from "@rookery/client";
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
  /** The same one when it is open already; a password is for the first time in a channel that has one. */
  readonly open: (info: ChannelInfo, password?: string) => OpenChannel;
  readonly close: (id: string) => void;
  readonly refresh: () => Promise<void>;
}

/** A session holds at most 100 channels: some are left for what is opened by hand. */
const MOST_JOINED = 80;

export function createOpenChannels(client: Client, rest: Rest, storage: Storage, user: string): OpenChannels {
  const key = `rookery-page/${encodeURIComponent(user)}/channels`;
  const list = createStore<readonly OpenChannel[]>([]);
  const keep = (): void => storage.setItem(key, JSON.stringify(list.state().map(({ info }) => info)));
  const open = (info: ChannelInfo, password?: string): OpenChannel => {
    const there = list.state().find((each) => each.info.id === info.id);
    if (there && password === undefined) return there;
    const opened = { info, channel: client.channel(info.id, password === undefined ? {} : { password }) };
    list.set([...list.state().filter((each) => each !== there), opened]);
    keep();
    return opened;
  };
  for (const info of readKept(storage.getItem(key)).slice(0, MOST_JOINED)) open(info);
  return {
    list,
    open,
    close(id) {
      list
        .state()
        .find(({ info }) => info.id === id)
        ?.channel.leave();
      list.set(list.state().filter(({ info }) => info.id !== id));
      keep();
    },
    async refresh() {
      for (const info of await rest.myChannels()) if (list.state().length < MOST_JOINED) open(info);
    },
  };
}

function readKept(text: string | null): readonly ChannelInfo[] {
  return listOf(parsed(text), channelOf);
}
