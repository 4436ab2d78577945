// The hub: which sessions this node holds, whose they are, and in which channels they sit.
// Pure and synchronous. It answers questions; it never sends (fan-out is the server's native topics) and never closes.
// States: a member is registered or not; a registered member is in a channel or not.

/** What the hub needs of a session. `channels` is written by the hub alone. */
export interface Member {
  readonly id: string;
  readonly user: string;
  readonly channels: Set<string>;
}

export interface HubCounts {
  readonly sessions: number;
  readonly users: number;
  readonly channels: number;
  readonly memberships: number;
}

/**
 * Membership of one node. Promise: after a member is unregistered no answer mentions it, and a channel or user without
 * members costs nothing. Repeating a call changes nothing.
 */
export interface Hub<M extends Member> {
  register(member: M): void;
  /** Takes the member out of every channel; answers those it was in. */
  unregister(member: M): readonly string[];
  /** True when the member was not in the channel before. */
  join(member: M, channel: string): boolean;
  /** True when the member was in the channel before. */
  leave(member: M, channel: string): boolean;
  membersOf(channel: string): ReadonlySet<M>;
  sessionsOf(user: string): ReadonlySet<M>;
  /** By id. */
  readonly sessions: ReadonlyMap<string, M>;
  counts(): HubCounts;
}

export function createHub<M extends Member>(): Hub<M> {
  const byId = new Map<string, M>();
  /** Most users have one session: a set for each of them would take 150 bytes of an idle member. */
  const byUser = new Map<string, M | Set<M>>();
  const byChannel = new Map<string, Set<M>>();
  const nobody: ReadonlySet<M> = new Set<M>();
  let memberships = 0;

  const leave = (member: M, channel: string): boolean => {
    if (!member.channels.delete(channel)) return false;
    memberships -= 1;
    removeFromSet(byChannel, channel, member);
    return true;
  };

  return {
    register(member) {
      byId.set(member.id, member);
      const others = byUser.get(member.user);
      if (others === undefined || others === member) byUser.set(member.user, member);
      else if (others instanceof Set) others.add(member);
      else byUser.set(member.user, new Set([others, member]));
    },
    unregister(member) {
      if (!byId.delete(member.id)) return [];
      if (byUser.get(member.user) === member) byUser.delete(member.user);
      else removeFromSet(byUser, member.user, member);
      const left = [...member.channels];
      for (const channel of left) leave(member, channel);
      return left;
    },
    join(member, channel) {
      // A session that closed while its join waited for Redis must not be counted for ever.
      if (!byId.has(member.id) || member.channels.has(channel)) return false;
      member.channels.add(channel);
      memberships += 1;
      add(byChannel, channel, member);
      return true;
    },
    leave,
    membersOf: (channel) => byChannel.get(channel) ?? nobody,
    sessionsOf(user) {
      const known = byUser.get(user);
      return known === undefined || known instanceof Set ? (known ?? nobody) : new Set([known]);
    },
    sessions: byId,
    counts: () => ({ sessions: byId.size, users: byUser.size, channels: byChannel.size, memberships }),
  };
}

function add<M>(index: Map<string, Set<M>>, key: string, member: M): void {
  const members = index.get(key);
  if (members === undefined) index.set(key, new Set([member]));
  else members.add(member);
}

function removeFromSet<M>(index: Map<string, M | Set<M>>, key: string, member: M): void {
  const members = index.get(key);
  if (!(members instanceof Set)) return;
  members.delete(member);
  if (members.size === 0) index.delete(key);
}
