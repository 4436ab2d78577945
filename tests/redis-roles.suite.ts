// A whole cluster in which every kind of process enters Redis as a user of its own, by the rights of deploy/redis/users.acl: nothing
// that it does needs more, and none of them does another's work. Run once a topology.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { eventually } from "@rookery/testkit";
import type { ChatClient, TestTopology } from "@rookery/testkit";
import { Redis } from "ioredis";
import postgres from "postgres";
import { afterAll, beforeAll, expect, it } from "vitest";
import { WebSocket } from "ws";
import { SECRETS, startRoleCluster } from "./role-cluster.ts";
import type { RoleCluster } from "./role-cluster.ts";
import { enteredAs, passwordOf, rulesOf } from "./redis-users.ts";
import type { ServiceKind } from "./service-process.ts";

/** What the topology of this suite asks of whoever is no user of its: the test itself, replicas and Sentinels. */
export const PASSWORD = "hush";
const ROLES = ["edge", "api", "persister"] as const satisfies readonly ServiceKind[];
const SENTINEL_RIGHTS = /^# sentinels.*\nACL SETUSER \S+ on >SECRET (.*)$/m;

const LOOKS = [
  "channels/room",
  "channels/room/stats",
  "channels/room/members",
  "channels/room/messages",
  "connections?user=ann",
].concat(["nodes", "audit"]);

/** Another's work, by who asks for it. Every topology has one partition `p0`, or a tag that begins with it. */
const NOT_THEIRS: readonly (readonly [ServiceKind, ...string[]])[] = [
  ["edge", "FLUSHALL"],
  ["edge", "CONFIG", "GET", "*"],
  ["edge", "KEYS", "*"],
  ["edge", "SCAN", "0"],
  ["edge", "ACL", "LIST"],
  ["edge", "CLIENT", "KILL", "TYPE", "normal"],
  ["edge", "MONITOR"],
  ["edge", "SCRIPT", "FLUSH"],
  ["edge", "FUNCTION", "FLUSH"],
  ["edge", "SHUTDOWN"],
  ["edge", "REPLICAOF", "NO", "ONE"],
  ["edge", "PSUBSCRIBE", "*"],
  ["edge", "SUBSCRIBE", "{p0}:t:lobby"],
  ["edge", "SSUBSCRIBE", "elsewhere"],
  ["edge", "XTRIM", "{p0}:outbox", "MAXLEN", "0"],
  ["edge", "DEL", "{p0}:outbox"],
  ["edge", "DEL", "{p0}:part"],
  ["edge", "DEL", "{p0}:head:lobby"],
  ["edge", "SET", "{p0}:part", "x"],
  ["edge", "PEXPIRE", "{p0}:part", "1"],
  ["edge", "ZADD", "{p0}:shed", "1", "lobby"],
  ["edge", "SET", "retention", "me", "PX", "1000"],
  ["edge", "SET", "notice:a|b", "x"],
  ["edge", "SET", "ticket:forged", "x"],
  ["edge", "SET", "of-another-application", "x"],
  ["api", "FLUSHALL"],
  ["api", "KEYS", "*"],
  ["api", "CONFIG", "SET", "maxmemory", "1"],
  ["api", "SSUBSCRIBE", "{p0}:t:lobby"],
  ["api", "XTRIM", "{p0}:outbox", "MAXLEN", "0"],
  ["api", "XDEL", "{p0}:outbox", "1-1"],
  ["api", "XDEL", "{p0}:log:lobby", "1-1"],
  ["api", "GETDEL", "ticket:of-somebody"],
  ["api", "HSET", "{p0}:here:lobby", "ann", "1|Ann"],
  ["api", "SADD", "{p0}:leases", "edge-9"],
  ["api", "HSET", "{p0}:sess:ann", "s", "x"],
  ["api", "HSET", "{p0}:read:lobby", "ann", "9-9"],
  ["api", "HSET", "{p0}:receipt:1-1", "edge-1", "1"],
  ["api", "SET", "reaper", "api", "PX", "1000"],
  ["persister", "FLUSHALL"],
  ["persister", "KEYS", "*"],
  ["persister", "CONFIG", "SET", "maxmemory", "1"],
  ["persister", "XADD", "{p0}:outbox", "*", "k", "message"],
  ["persister", "XADD", "{p0}:log:lobby", "*", "f", "x"],
  ["persister", "SET", "{p0}:once:lobby|c|ann", "x"],
  ["persister", "HSET", "{p0}:rights", "lobby", "9"],
  ["persister", "HSET", "{p0}:access:lobby", "u|ann", "owner"],
  ["persister", "XADD", "{p0}:controls", "*", "c", "x"],
  ["persister", "HSET", "{p0}:here:lobby", "ann", "1|Ann"],
  ["persister", "SSUBSCRIBE", "{p0}:t:lobby"],
  ["persister", "SPUBLISH", "{p0}:probe:edge-1", "x"],
  ["persister", "SET", "ticket:forged", "x"],
  ["persister", "DEL", "{p0}:outbox"],
];

export interface RolesScene {
  readonly topology: TestTopology;
  readonly postgresUrl: string;
  /** File of the CA by which its servers are known, where they speak TLS. */
  readonly ca?: string;
}

export function testRedisRoles({ topology, postgresUrl, ca }: RolesScene): void {
  const { servers, sentinels, clientOf } = topology;
  const teardowns: (() => Promise<void>)[] = [];
  let cluster: RoleCluster;
  let clients: ChatClient[] = [];

  const denials = async (): Promise<unknown[]> => {
    const logs = await Promise.all(
      [...servers, ...sentinels]
        .filter(({ isOver }) => !isOver)
        .map(async (member) => {
          const entries: unknown = await clientOf(member).call("ACL", "LOG");
          return Array.isArray(entries) ? entries.map((entry: unknown) => [member.name, entry]) : [];
        }),
    );
    return logs.flat();
  };
  const admins = (): Redis[] => servers.filter(({ isOver }) => !isOver).map(clientOf);
  const connect = async (user: string, edge: "edge-1" | "edge-2"): Promise<ChatClient> => {
    const client = await cluster.client(user, edge);
    clients.push(client);
    return client;
  };
  /** On all servers together. */
  const countKeys = async (pattern: string): Promise<number> =>
    (await Promise.all(admins().map((admin) => admin.keys(pattern)))).flat().length;

  beforeAll(async () => {
    const page = readFileSync("docs/operating.md", "utf8");
    const watching = SENTINEL_RIGHTS.exec(page)?.[1]?.split(" ") ?? [];
    for (const role of ROLES) {
      for (const server of servers) await clientOf(server).call("ACL", "SETUSER", ...rulesOf(role));
      // Where there is no aclfile, a server that comes back knows the users of its configuration.
      for (const server of servers) await clientOf(server).config("REWRITE");
      const entered = [role, "on", `>${passwordOf(role)}`, ...watching];
      for (const sentinel of sentinels) await clientOf(sentinel).call("ACL", "SETUSER", ...entered);
    }
    cluster = await startRoleCluster({
      settingsOf: (kind) => ({
        ROOKERY_REDIS_URL: enteredAs(topology.url, kind),
        ROOKERY_POSTGRES_URL: postgresUrl,
        ...(ca === undefined ? {} : { ROOKERY_REDIS_CA_FILE: ca }),
        ...SECRETS[kind],
      }),
      atEnd: (stop) => teardowns.unshift(stop),
    });
  });
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()));
    for (const stop of teardowns) await stop();
  });

  it("talk, presence, changes, reads, pages and typing need no more", async () => {
    const ann = await connect("ann", "edge-1");
    const bob = await connect("bob", "edge-2");
    await ann.join("room", { persisted: true });
    await bob.join("room");
    const { id = "", epoch = 0, seq = 0 } = await ann.send("room", "hello @bob");
    await bob.waitFor((frame) => frame.type === "message" && frame.id === id);
    await ann.waitFor((frame) => frame.type === "persisted" && frame.seq === seq);
    const reaction = { type: "react", channel: "room", id, emoji: "👍", on: true } as const;
    expect(await bob.change(reaction)).toMatchObject({ type: "ok" });
    expect(await ann.change({ type: "edit", channel: "room", id, body: "hello all" })).toMatchObject({ type: "ok" });
    expect(await bob.request({ type: "read", channel: "room", epoch, seq })).toMatchObject({ type: "ok" });
    const members = await bob.request({ type: "members", channel: "room" });
    expect(members).toMatchObject({ type: "ok" });
    await bob.request({ type: "typing", channel: "room" }).catch(() => undefined);
    expect(await ann.change({ type: "delete", channel: "room", id })).toMatchObject({ type: "ok" });
    // Its text is still in outbox and log, and is taken out of both.
    const waiting = await Promise.all([1, 2, 3].map((n) => ann.send("room", `said and taken back ${n}`)));
    for (const { id: said = "" } of waiting) await ann.change({ type: "delete", channel: "room", id: said });
    const page = await bob.readHistory("room");
    expect(await denials()).toEqual([]);
    expect(page).toMatchObject({ type: "ok" });
  });

  it("publishing for a backend, statistics, notices, tickets and everything that moderates need no more", async () => {
    const { ask } = cluster;
    const cat = await connect("cat", "edge-2");
    await cat.join("room");
    await ask("POST", "/v1/channels", { id: "held", kind: "private", owner: "ann" });
    await ask("POST", "/v1/channels", {
      id: "locked",
      kind: "password",
      owner: "ann",
      settings: {},
      password: "open sesame",
    });
    const published = JSON.stringify(await ask("POST", "/v1/channels/room/messages", { body: "hi", clientId: "b-1" }));
    const id = /"id":"([^"]+)"/.exec(published)?.[1];
    await ask("GET", `/v1/explain?message=${id}&user=ann&channel=room`);
    for (const path of LOOKS) await ask("GET", `/v1/${path}`);
    const bearer = { authorization: `Bearer ${await cluster.token("zoe")}` };
    const bought = JSON.stringify(await ask("POST", "/v1/tickets", undefined, bearer));
    const socket = new WebSocket(`${cluster.wsOf("edge-2")}?ticket=${/"ticket":"([^"]+)"/.exec(bought)?.[1]}`);
    const [welcome]: unknown[] = await once(socket, "message");
    expect(String(welcome)).toContain('"user":"zoe"');
    socket.close();
    await ask("PATCH", "/v1/channels/room", {
      settings: { slowModeSec: 1, retentionDays: 1, digestAbove: 1, countAbove: 2 },
    });
    await ask("PUT", "/v1/channels/held/members/bob", { role: "member" });
    await ask("PUT", "/v1/channels/room/mutes/cat", { forSec: 60 });
    const banned = await ask("PUT", "/v1/channels/room/bans/cat", { forSec: 60 });
    expect(banned).toMatchObject({ receipt: { nodes: { confirmed: 2, missing: [] }, sessionsClosed: 1 } });
    const notice = { body: "mind the gap" };
    await ask("POST", "/v1/users/ann/notices", notice, { "idempotency-key": "n-1" });
    expect(await ask("PUT", "/v1/users/cat/ban", { forSec: 60 })).toMatchObject({
      receipt: { nodes: { missing: [] } },
    });
    await ask("POST", "/v1/users/ann/disconnect", {});
    const dan = await connect("dan", "edge-1");
    expect(await dan.join("locked", { password: "wrong" }).catch((error: unknown) => String(error))).toBeDefined();
    expect(await denials()).toEqual([]);
  });

  it("clearing away after a killed edge needs no more", async () => {
    const eve = await connect("eve", "edge-2");
    await eve.join("wake");
    const fay = await connect("fay", "edge-1");
    await fay.join("dropped");
    await fay.send("dropped", "what a deleted channel held");
    await cluster.ask("DELETE", "/v1/channels/dropped");
    cluster.process("edge-2").signal("SIGKILL");
    await cluster.process("edge-2").ended;
    await eventually(async () => expect(await countKeys("*:hereon:*|edge-2*")).toBe(0), { withinMs: 20_000 });
    await cluster.start("edge-2");
    expect(await denials()).toEqual([]);
  });

  it.each(topology.kind === "single" ? [] : [topology.kind])("what follows a failover needs no more (%s)", async () => {
    const [ivy, jon] = [await connect("ivy", "edge-1"), await connect("jon", "edge-2")];
    for (const client of [ivy, jon]) await client.join("moved", { persisted: true });
    await ivy.send("moved", "before");
    await topology.failover("{p0}:part", "killed").then(({ old }) => old.restart());
    await topology.settled();
    await eventually(async () => expect((await jon.send("moved", "after")).type).toBe("ok"), { withinMs: 20_000 });
    expect(await denials()).toEqual([]);
  });

  it("draining one edge after the other needs no more, and everybody comes back", async () => {
    // The failover before may still keep an edge from being ready, which tells whoever comes to come again.
    const back = (user: string): Promise<ChatClient> => eventually(() => connect(user, "edge-1"));
    const guests = await Promise.all(["gil", "hal"].map(back));
    for (const guest of guests) await guest.join("drained");
    await cluster.ask("POST", `/v1/nodes/${await nodeOf(cluster, "edge-1")}/drain`);
    expect(await cluster.process("edge-1").ended).toBe(0);
    for (const guest of guests) await eventually(() => expect(guest.session()).toBe(2), { withinMs: 20_000 });
    await cluster.start("edge-1");
    expect((await guests[0]?.send("drained", "still here"))?.type).toBe("ok");
    expect(await denials()).toEqual([]);
  });

  // By the same script on every topology, and it takes a minute.
  it.each(topology.kind === "single" ? [topology.kind] : [])(
    "keeping nothing of a deleted channel needs no more (%s)",
    async () => {
      // The persister that has this duty looks once a minute.
      await eventually(async () => expect(await countKeys("*:log:dropped")).toBe(0), { withinMs: 90_000 });
      expect(await denials()).toEqual([]);
    },
  );

  it("the audit log holds what happened", async () => {
    const sql = postgres(postgresUrl, { max: 1, onnotice: () => undefined });
    teardowns.push(() => sql.end());
    const wanted = ["ban", "ban_everywhere", "channel_delete", "connect", "disconnect", "join", "notice"];
    await eventually(async () => {
      const rows = await sql<{ kind: string }[]>`select distinct kind from audit_log`;
      expect(rows.map(({ kind }) => kind)).toEqual(expect.arrayContaining(wanted));
    });
  });

  it.each(NOT_THEIRS)("%s may not %s %s", async (role, ...command) => {
    const [name = "", ...args] = command;
    const master = await topology.masterOf(args[0] ?? "");
    const tls = master.url.startsWith("rediss:") ? { tls: { rejectUnauthorized: false } } : {};
    const client = new Redis({
      ...{ host: "127.0.0.1", port: master.port, username: role, password: passwordOf(role), ...tls },
      ...{ retryStrategy: () => null, enableReadyCheck: false, autoResubscribe: false },
    });
    client.on("error", () => undefined);
    try {
      await expect(client.call(name, ...args)).rejects.toThrow(/^NOPERM/);
    } finally {
      client.disconnect();
    }
  });
}

/**
 * Its id on the list of nodes, which is its name and a mark of its own. After a failover that outlasted its lease, a node is
 * off the list until its next beat.
 */
async function nodeOf(cluster: RoleCluster, name: string): Promise<string> {
  const look = async (): Promise<string | false> => {
    const listed = JSON.stringify(await cluster.ask("GET", "/v1/nodes"));
    return new RegExp(`"(${name}[^"]*)"`).exec(listed)?.[1] ?? false;
  };
  return eventually(look, { what: `${name} on the list of nodes` });
}
