// Channels in a map, by the rules that the store keeps in Postgres. Only tests use it.
import type { ChannelRow, Channels } from "@rookery/store";

export interface FakeChannels extends Pick<Channels, "find" | "list" | "existing" | "ensurePublic"> {
  readonly rows: Map<string, ChannelRow>;
  add(this: void, row: Pick<ChannelRow, "id" | "kind" | "owner"> & Partial<ChannelRow>): ChannelRow;
}

export function fakeChannels(ids: readonly string[]): FakeChannels {
  const rows = new Map<string, ChannelRow>();
  const add: FakeChannels["add"] = (row) => {
    const unset = {
      name: null,
      slowModeSec: 0,
      retentionDays: null,
      memberCap: null,
      digestAbove: null,
      countAbove: null,
    };
    const settingsVersion = (row.digestAbove ?? row.countAbove ?? undefined) === undefined ? 0 : 1;
    const whole = { ...unset, createdAt: 1000, settingsVersion, rightsVersion: 0, hasPassword: false, ...row };
    rows.set(row.id, whole);
    return whole;
  };
  for (const id of ids) add({ id, kind: "public", owner: "server" });
  const existing: Channels["existing"] = async (wanted) => {
    const found = wanted.flatMap((id) => rows.get(id) ?? []);
    return new Map(found.map(({ id, settingsVersion: version, ...row }) => [id, { version, ...row }]));
  };
  return {
    rows,
    add,
    existing,
    find: async (id) => rows.get(id),
    async ensurePublic(wanted, owner) {
      for (const id of wanted) if (!rows.has(id)) add({ id, kind: "public", owner });
      return existing(wanted);
    },
    list: async ({ after = "", limit, member, kind }) =>
      [...rows.values()]
        .filter(({ id, owner }) => id > after && (member === undefined || owner === member))
        .filter((row) => kind === undefined || row.kind === kind)
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit),
  };
}
