// A whole cluster before a Redis with TLS, by the CA of a file, as the user whose rights the page on operating grants: nothing
// that a service does needs more. And a `dev` that is not let in says why and ends. Run once a topology.
import { readFileSync } from "node:fs";
import { startCluster } from "@rookery/testkit";
import type { Cluster, TestCertificates, TestTopology } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { UNHURRIED } from "./talk.ts";

/** What the topologies of this suite ask of whoever is no user of theirs. */
export const PASSWORD = "hush";

export interface Guarded {
  /** Started with PASSWORD, and with the certificates of `trusted`. */
  readonly topology: TestTopology;
  readonly trusted: TestCertificates;
  /** Of a CA that signed none of the servers' certificates. */
  readonly stranger: TestCertificates;
}

export function testRedisUser({ topology, trusted, stranger }: Guarded): void {
  const { servers, sentinels, clientOf } = topology;
  const loginAs = (login: string): string => topology.url.replace(`:${PASSWORD}@`, `${login}@`);
  const url = loginAs("rookery:secret");
  let cluster: Cluster;

  beforeAll(async () => {
    const page = readFileSync("docs/operating.md", "utf8");
    for (const [of, members] of Object.entries({ servers, sentinels })) {
      const line = new RegExp(`^# ${of}.*\\n(ACL SETUSER .*)$`, "m").exec(page)?.[1] ?? "";
      const [command = "", ...words] = line.replace("SECRET", "secret").split(" ");
      for (const member of members) await clientOf(member).call(command, ...words);
    }
    cluster = await startCluster({
      ...{ edges: 2, persisters: 2, redisUrl: url },
      set: { ...UNHURRIED, ROOKERY_REDIS_CA_FILE: trusted.files.ca },
    });
  });
  afterAll(() => cluster?.stop());

  it("talk, presence, changes, reads and bans work for the least rights, and no process was denied a command", async () => {
    const ann = await cluster.client("ann", { edge: 0 });
    const bob = await cluster.client("bob", { edge: 1 });
    await ann.join("room", { persisted: true });
    await bob.join("room");
    const { id = "", epoch = 0, seq = 0 } = await ann.send("room", "hello");
    await bob.waitFor((frame) => frame.type === "message" && frame.id === id);
    await ann.waitFor((frame) => frame.type === "persisted" && frame.seq === seq);
    const reaction = { type: "react", channel: "room", id, emoji: "👍", on: true } as const;
    expect(await bob.change(reaction)).toMatchObject({ type: "ok" });
    expect(await ann.change({ type: "edit", channel: "room", id, body: "hello all" })).toMatchObject({ type: "ok" });
    expect(await bob.request({ type: "read", channel: "room", epoch, seq })).toMatchObject({ type: "ok" });
    expect(await ann.change({ type: "delete", channel: "room", id })).toMatchObject({ type: "ok" });
    expect(await bob.readHistory("room")).toMatchObject({ type: "ok" });
    const answer = await fetch(new URL("/v1/channels/room/bans/bob", cluster.ready.api), {
      method: "PUT",
      headers: { authorization: `Bearer ${cluster.ready.apiKey}`, "content-type": "application/json" },
      body: "{}",
    });
    expect(await answer.json()).toMatchObject({ receipt: { nodes: { confirmed: 2, missing: [] }, sessionsClosed: 1 } });
    await Promise.all([ann.close(), bob.close()]);
    for (const server of servers) {
      const denied: unknown = await clientOf(server).call("ACL", "LOG");
      expect(denied, server.name).toEqual([]);
    }
  });

  it.each([
    ["password", { redisUrl: loginAs("rookery:wrong"), ca: trusted.files.ca }, /WRONGPASS|NOAUTH/],
    ["CA", { redisUrl: url, ca: stranger.files.ca }, /certificate/],
  ])("dev ends at once on a wrong %s, and says so in one line without the password", async (_what, given, why) => {
    const { redisUrl, ca } = given;
    const started = startCluster({
      redisUrl,
      postgresUrl: "postgres://me@127.0.0.1:1/x",
      set: { ROOKERY_REDIS_CA_FILE: ca },
    });
    const told = await started.then(
      () => "it started",
      (error: unknown) => String(error),
    );
    const scheme = url.slice(0, url.indexOf("://"));
    const line = told
      .split("\n")
      .find((each) => each.startsWith(`rookery dev could not start: redis at ${scheme}://***@`));
    expect(line).toMatch(why);
    expect(told).not.toContain("wrong@");
  });
}
