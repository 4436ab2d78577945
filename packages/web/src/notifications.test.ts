import type { Message } from "@rookery/client";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createOpenChannels } from "./channels/open-channels.ts";
import type { OpenChannels } from "./channels/open-channels.ts";
import { createFakeEdge } from "./fake-edge.fixture.ts";
import type { FakeEdge } from "./fake-edge.fixture.ts";
import { createMemoryStorage } from "./storage.ts";
import { createNotifications } from "./notifications.ts";
import type { Note, Notifications } from "./notifications.ts";

const me = { user: "ann", name: "Ann" };
let edge: FakeEdge;
let channels: OpenChannels;
let storage: Storage;
let shown: Note[];
let isHidden: boolean;
let permission: NotificationPermission | "unsupported";

beforeEach(() => {
  [edge, storage, shown, isHidden, permission] = [createFakeEdge(), createMemoryStorage(), [], true, "default"];
  const rest = { myChannels: async () => [], members: async () => [] };
  channels = createOpenChannels({ client: edge.client, rest, storage, me });
});
afterEach(() => edge.client.close());

const create = (): Notifications =>
  createNotifications({
    ...{ channels, me, storage },
    world: {
      isHidden: () => isHidden,
      permission: () => permission,
      async ask() {
        permission = "granted";
        return permission;
      },
      show: (note) => void shown.push(note),
    },
  });
const turnedOn = async (): Promise<Notifications> => {
  const notifications = create();
  await notifications.toggle();
  return notifications;
};
/** A message in a channel, once it was told. */
const hear = async (id: string, more: Partial<Message>): Promise<void> => {
  const found = channels.list.state().find(({ info }) => info.id === id);
  await found?.channel.ready();
  const told = vi.fn<() => void>();
  found?.channel.on("event", told);
  edge.say(id, more);
  await vi.waitFor(() => expect(told).toHaveBeenCalled());
};

describe("notifications", () => {
  it("tell of mentions and of direct messages, and of nothing else, while nobody looks", async () => {
    channels.open({ id: "lobby", kind: "public", name: "Lobby" });
    channels.open({ id: "dm:x", kind: "direct", name: "Bo" });
    await turnedOn();
    await hear("lobby", { body: "hello" });
    await hear("lobby", { body: "hello @ann", mentions: ["ann"] });
    await hear("lobby", { user: "ann", body: "myself @ann", mentions: ["ann"] });
    await hear("dm:x", { body: "psst" });
    expect(shown).toEqual([
      { tag: "lobby", title: "Bo in Lobby", body: "hello @ann" },
      { tag: "dm:x", title: "Bo", body: "psst" },
    ]);
    isHidden = false;
    await hear("dm:x", { body: "seen anyway" });
    expect(shown).toHaveLength(2);
  });

  it("tell of a channel that was opened later, and not of one that was closed", async () => {
    await turnedOn();
    const { channel } = channels.open({ id: "dm:x", kind: "direct", name: "Bo" });
    await hear("dm:x", { body: "one" });
    expect(shown.map(({ body }) => body)).toEqual(["one"]);
    channels.close("dm:x");
    expect(channel.state().phase).toBe("out");
  });

  it("ask the browser when somebody turns them on, and stay as they were left", async () => {
    expect(create().state.state()).toBe("off");
    const notifications = await turnedOn();
    expect(notifications.state.state()).toBe("on");
    expect(create().state.state()).toBe("on");
    await notifications.toggle();
    expect(notifications.state.state()).toBe("off");
    expect(create().state.state()).toBe("off");
  });

  it("say where the browser has none, or refuses", () => {
    for (const each of ["unsupported", "denied"] as const) {
      permission = each;
      expect(create().state.state()).toBe(each);
    }
  });
});
