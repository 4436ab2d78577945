// One example of each operation, as the document shows it and as a test carries it out on a running cluster, from the first
// to the last: together they are a story in which later ones name what earlier ones made. Data only.
// A text of an answer stands for whatever the server answers there; where a later request says the same text, it means that.

export interface Example {
  /** Who asks: an admin's key unless said otherwise, the user whose token was minted, or anyone. */
  readonly as?: "key" | "user" | "anyone";
  readonly path?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, unknown>>;
  /** Absent where the answer is no JSON. */
  readonly answer?: unknown;
}

const AT = 1_790_000_000_000;
const POSITION = { epoch: 1_789_999_000_000, seq: 1 };
const MESSAGE_ID = "V1StGXR8_Z5jdHi6B-myT";
const SESSION = {
  session: "p5R0kzUu3rQ9tYw1xVb7c",
  node: "edge-1.k3f9",
  since: AT,
  address: "5f2b1c9d8e7a6b40",
  client: "",
};
const receipt = (sessionsClosed: number): object => ({
  nodes: { confirmed: 2, expected: 2, missing: [] },
  sessionsClosed,
  ms: 12,
});
const tokens = (name: string, user: string, shown: string): object => ({
  token: `${name}.access.token`,
  expiresAt: AT + 900_000,
  refreshAt: AT + 720_000,
  refreshToken: `rt_${name}`,
  user,
  name: shown,
});
const STANDUP = {
  id: "standup",
  kind: "private",
  name: "Stand-up",
  owner: "ann",
  createdAt: AT,
  settings: { slowModeSec: 0, retentionDays: null, memberCap: null, digestAbove: null, countAbove: null },
};
const MESSAGE = {
  type: "message",
  channel: "standup",
  ...POSITION,
  id: MESSAGE_ID,
  clientId: "good-morning-1",
  user: "ann",
  name: "Ann",
  body: "Good morning",
  at: AT,
};
const SANCTION = { user: "eve", channel: "standup", untilMs: AT + 3_600_000, reason: "spam", by: "ann", at: AT };
const sanction = (kind: "ban" | "mute"): object => ({ [kind]: SANCTION });
const EVE = { id: "standup", user: "eve" };
const BOB = { id: "standup", user: "bob" };

/** By operation, in the order of the story. */
export const EXAMPLES: Readonly<Record<string, Example>> = {
  mintToken: { body: { user: "ann", name: "Ann", ttlSec: 900 }, answer: tokens("first", "ann", "Ann") },
  refreshToken: { as: "anyone", body: { refreshToken: "rt_first" }, answer: tokens("second", "ann", "Ann") },
  guestToken: { as: "anyone", body: { name: "Visitor" }, answer: tokens("guest", "guest-4f90d13a42b7", "Visitor") },
  buyTicket: { as: "user", answer: { ticket: "Zk3yHc0vQ1uXo7bPq9sT2wLdMn5eRf8a", expiresAt: AT + 30_000 } },

  createChannel: { body: { id: "standup", kind: "private", name: "Stand-up", owner: "ann" }, answer: STANDUP },
  listChannels: { as: "user", query: { limit: 50 }, answer: { channels: [STANDUP] } },
  showChannel: { as: "user", path: { id: "standup" }, answer: STANDUP },
  changeChannel: {
    as: "user",
    path: { id: "standup" },
    body: { settings: { retentionDays: 30 } },
    answer: { ...STANDUP, settings: { ...STANDUP.settings, retentionDays: 30 } },
  },
  giveRole: {
    as: "user",
    path: BOB,
    body: { role: "moderator" },
    answer: { user: "bob", role: "moderator", receipt: receipt(0) },
  },
  publishMessage: {
    path: { id: "standup" },
    body: { user: "ann", name: "Ann", body: "Good morning", clientId: "good-morning-1" },
    answer: { channel: "standup", id: MESSAGE_ID, clientId: "good-morning-1", ...POSITION, at: AT },
  },
  listMessages: {
    as: "user",
    path: { id: "standup" },
    query: { limit: 20 },
    answer: { messages: [MESSAGE], more: false },
  },

  listMembers: {
    as: "user",
    path: { id: "standup" },
    answer: {
      members: [
        { user: "ann", name: "Ann", role: "owner", since: AT, lastSeenAt: AT, online: false },
        { user: "bob", name: "bob", role: "moderator", since: AT, lastSeenAt: null, online: false },
      ],
    },
  },
  showMember: {
    as: "user",
    path: BOB,
    answer: { user: "bob", name: "bob", role: "moderator", since: AT, lastSeenAt: null, online: false },
  },
  giveBan: {
    as: "user",
    path: EVE,
    body: { forSec: 3600, reason: "spam" },
    answer: { ...sanction("ban"), receipt: receipt(1) },
  },
  listBans: { as: "user", path: { id: "standup" }, answer: { bans: [SANCTION] } },
  showBan: { as: "user", path: EVE, answer: sanction("ban") },
  liftBan: { as: "user", path: EVE, answer: { receipt: receipt(0) } },
  giveMute: {
    as: "user",
    path: EVE,
    body: { forSec: 3600, reason: "spam" },
    answer: { ...sanction("mute"), receipt: receipt(0) },
  },
  listMutes: { as: "user", path: { id: "standup" }, answer: { mutes: [SANCTION] } },
  showMute: { as: "user", path: EVE, answer: sanction("mute") },
  liftMute: { as: "user", path: EVE, answer: { receipt: receipt(0) } },
  kickUser: { as: "user", path: EVE, body: { reason: "calm down" }, answer: { receipt: receipt(1) } },
  takeRole: { as: "user", path: BOB, answer: { receipt: receipt(0) } },

  showUser: {
    as: "user",
    path: { id: "ann" },
    answer: { user: "ann", name: "Ann", firstSeenAt: AT, lastSeenAt: AT, online: true, sessions: [SESSION] },
  },
  notifyUser: {
    path: { id: "ann" },
    body: { body: "The stand-up begins" },
    answer: { id: "b7Wq2LxT9fKs0RmVz4hNc", sessions: 1 },
  },
  disconnectUser: { path: { id: "bob" }, body: { code: 4003 }, answer: { receipt: receipt(1) } },
  banUser: {
    path: { id: "mallory" },
    body: { reason: "spam everywhere" },
    answer: {
      ban: { user: "mallory", channel: null, untilMs: null, reason: "spam everywhere", by: "key:bootstrap", at: AT },
      receipt: receipt(2),
    },
  },
  unbanUser: { path: { id: "mallory" }, answer: { receipt: receipt(0) } },
  revokeTokens: { body: { user: "mallory" }, answer: { receipt: receipt(0) } },

  listConnections: {
    query: { limit: 50 },
    answer: {
      total: 2,
      nodes: [{ node: "edge-1.k3f9", connections: 2, version: "0.1.0" }],
      channels: [{ channel: "standup", online: 1, connections: 2 }],
      users: [{ user: "ann", name: "Ann", sessions: [SESSION] }],
    },
  },
  showChannelStats: {
    path: { id: "standup" },
    answer: {
      channel: "standup",
      online: 1,
      connections: 2,
      users: [{ user: "ann", name: "Ann", connections: 2 }],
      messages: { "1m": 1, "5m": 1, "60m": 1 },
      senders: { "1m": 1, "5m": 1, "60m": 1 },
      mode: "full",
      head: POSITION,
    },
  },
  listNodes: {
    answer: {
      nodes: [
        {
          ...{ node: "edge-1.k3f9", pid: 4711, kind: "edge", version: "0.1.0", startedAt: AT },
          ...{ connections: 2, draining: false, beatAt: AT },
        },
      ],
    },
  },
  listAudit: {
    query: { channel: "standup", limit: 20 },
    answer: {
      entries: [
        {
          ...{ id: "V1StGXR8_Z5jdHi6B-myU", at: AT, kind: "ban", actor: "ann", subject: "eve", channel: "standup" },
          ...{ node: null, address: null, reason: "spam", data: null },
        },
      ],
    },
  },
  explainDelivery: {
    query: { message: MESSAGE_ID, user: "ann" },
    answer: {
      message: MESSAGE_ID,
      user: "ann",
      channel: "standup",
      steps: [
        { at: AT, what: "taken from ann and numbered 1789999000000-1 in standup", ok: true, evidence: "messages" },
        { at: null, what: "no join after it is recorded", ok: false, evidence: "not recorded" },
      ],
      verdict: "It was handed to ann: the user was in the channel, on edge-1.k3f9.",
    },
  },

  deleteChannel: { as: "user", path: { id: "standup" }, answer: { receipt: receipt(1) } },
  logout: { as: "user", body: { refreshToken: "rt_second" }, answer: { receipt: receipt(0) } },
  drainNode: { path: { id: "edge-1.k3f9" }, answer: { node: "edge-1.k3f9" } },
  openApi: { as: "anyone", answer: { openapi: "3.1.0", info: {}, paths: {} } },
  asyncApi: { as: "anyone", answer: { asyncapi: "3.0.0", info: {}, channels: {} } },
  livez: { as: "anyone" },
};
