// Tells of mentions and direct messages while nobody looks at the page, where somebody turned that on. Hears each message once, over
// every reconnect, since the SDK tells it once. What the browser does it is given, so that it can be tried without one.
import type { Channel, Message, Person } from "@rookery/client";
import { nameOf } from "./channels/open-channels.ts";
import type { OpenChannel, OpenChannels } from "./channels/open-channels.ts";
import { createStore } from "./store.ts";
import type { Store } from "./store.ts";

export type Notifying = "on" | "off" | "denied" | "unsupported";

/** Of the browser what is needed. */
export interface NotificationWorld {
  readonly isHidden: () => boolean;
  readonly permission: () => NotificationPermission | "unsupported";
  readonly ask: () => Promise<NotificationPermission>;
  /** The same `tag` takes the place of the one before. */
  readonly show: (note: Note) => void;
}

export interface Note {
  /** The channel's id. */
  readonly tag: string;
  readonly title: string;
  readonly body: string;
}

export interface Notifications {
  readonly state: Store<Notifying>;
  /** By a click of somebody's, since browsers answer nobody else. */
  readonly toggle: () => Promise<void>;
}

const KEPT = "rookery-page/notify";
const MOST_SHOWN_CHARS = 160;

export interface NotificationParts {
  readonly world: NotificationWorld;
  readonly channels: OpenChannels;
  readonly me: Person;
  readonly storage: Storage;
}

export function createNotifications({ world, channels, me, storage }: NotificationParts): Notifications {
  const isWanted = (): boolean => storage.getItem(KEPT) === "on";
  const state = createStore<Notifying>(stateOf(world.permission(), isWanted()));
  const look = (): void => state.set(stateOf(world.permission(), isWanted()));
  const heard = new Map<Channel, () => void>();
  const hear = ({ info, channel }: OpenChannel): void => {
    if (heard.has(channel)) return;
    const stop = channel.on("event", (item) => {
      if (item.type !== "message" || state.state() !== "on" || !world.isHidden()) return;
      if (item.user === me.user || item.deleted || !isFor(item, info.kind === "direct", me)) return;
      const title = info.kind === "direct" ? item.name : `${item.name} in ${nameOf(info)}`;
      world.show({ tag: info.id, title, body: (item.body ?? "").slice(0, MOST_SHOWN_CHARS) });
    });
    heard.set(channel, stop);
  };
  const follow = (): void => {
    const list = channels.list.state();
    list.forEach(hear);
    for (const [channel, stop] of heard) {
      if (list.some((each) => each.channel === channel)) continue;
      stop();
      heard.delete(channel);
    }
  };
  channels.list.on("change", follow);
  follow();
  return {
    state,
    async toggle() {
      const isOn = state.state() === "on";
      if (!isOn && world.permission() === "default") await world.ask();
      storage.setItem(KEPT, isOn ? "off" : "on");
      look();
    },
  };
}

function isFor({ mentions }: Message, isDirect: boolean, { user }: Person): boolean {
  return isDirect || mentions?.includes(user) === true;
}

function stateOf(permission: ReturnType<NotificationWorld["permission"]>, isWanted: boolean): Notifying {
  if (permission === "unsupported" || permission === "denied") return permission;
  return permission === "granted" && isWanted ? "on" : "off";
}

/** The browser's own. `go` shows a channel. */
export function browserNotifications(go: (channel: string) => void): NotificationWorld {
  const isThere = "Notification" in globalThis;
  return {
    isHidden: () => document.hidden || !document.hasFocus(),
    permission: () => (isThere ? Notification.permission : "unsupported"),
    ask: () => Notification.requestPermission(),
    show({ tag, title, body }) {
      try {
        const shown = new Notification(title, { tag, body });
        shown.addEventListener("click", () => {
          window.focus();
          go(tag);
          shown.close();
        });
      } catch {
        // Some browsers have it and let no page use it: what is unread is in the title all the same.
      }
    },
  };
}
