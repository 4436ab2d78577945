import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createFakeEdge } from "../fake-edge.fixture.ts";
import type { FakeEdge } from "../fake-edge.fixture.ts";
import { createMemoryStorage } from "../storage.ts";
import type { ChannelInfo } from "../rest.ts";
import { createOpenChannels } from "./open-channels.ts";
import type { OpenChannels } from "./open-channels.ts";

const me = { user: "ann", name: "Ann" };
let storage: Storage;
let edge: FakeEdge;
let mine: ChannelInfo[];

beforeEach(() => {
  storage = createMemoryStorage();
  edge = createFakeEdge();
  mine = [];
});
afterEach(() => edge.client.close());

const rest = {
  myChannels: async () => mine,
  members: async () => ["ann", "bo"].map((user) => ({ user, name: user.toUpperCase(), role: "member", online: true })),
};
const create = (): OpenChannels => createOpenChannels({ client: edge.client, rest, storage, me });
const namesOf = (channels: OpenChannels): unknown[] => channels.list.state().map(({ info }) => info.name ?? info.id);
const joins = async (ids: readonly string[]): Promise<void> =>
  vi.waitFor(() => expect(edge.joined.toSorted()).toEqual(ids));

describe("the open channels", () => {
  it("are joined again after a reload, in the order of their names", async () => {
    const before = create();
    before.open({ id: "b", kind: "public", name: "Zoo" });
    before.open({ id: "a", kind: "public" });
    edge.client.close();
    edge = createFakeEdge();
    expect(namesOf(create())).toEqual(["a", "Zoo"]);
    await joins(["a", "b"]);
  });

  it("join one that is open once, and anew where this user is out of it", async () => {
    const channels = create();
    edge.closed.add("den");
    const first = channels.open({ id: "den", kind: "password" });
    expect(channels.open({ id: "den", kind: "password" })).toBe(first);
    await expect(first.channel.ready()).rejects.toMatchObject({ code: "forbidden" });
    edge.closed.clear();
    await channels.open({ id: "den", kind: "password" }, "sesame").channel.ready();
    expect(edge.joined).toEqual(["den", "den by sesame"]);
    expect(channels.list.state()).toHaveLength(1);
  });

  it("take in what this user became a member of, and call a direct one as whom it is with", async () => {
    const channels = create();
    mine = [
      { id: "dm:x", kind: "direct" },
      { id: "staff", kind: "private", name: "Staff" },
    ];
    await channels.refresh();
    await channels.refresh();
    expect(namesOf(channels)).toEqual(["BO", "Staff"]);
    await joins(["dm:x", "staff"]);
  });

  it("are left when they are taken off, and stay off after a reload", async () => {
    const channels = create();
    await channels.open({ id: "a", kind: "public" }).channel.ready();
    channels.close("a");
    await vi.waitFor(() => expect(edge.left).toEqual(["a"]));
    expect(namesOf(create())).toEqual([]);
  });

  it("leave room in the session for those that are opened by hand", async () => {
    const channels = create();
    mine = Array.from({ length: 100 }, (_, n) => ({ id: `c${n}`, kind: "private" }));
    await channels.refresh();
    expect(channels.list.state()).toHaveLength(80);
    channels.open({ id: "one-more", kind: "public" });
    expect(channels.list.state()).toHaveLength(81);
  });
});
