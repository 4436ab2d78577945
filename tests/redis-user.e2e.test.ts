// A whole cluster before Sentinels with TLS, by the CA of a file, as the user whose rights the page on operating grants:
// nothing that a service does needs more. And a `dev` that is not let in says why and ends.
import { readFileSync } from "node:fs";
import { startCluster, testCertificates, testTopology } from "@rookery/testkit";
import { afterAll, expect, it } from "vitest";
import { UNHURRIED } from "./talk.ts";

const { files } = await testCertificates();
const stranger = await testCertificates();
const topology = await testTopology({ kind: "sentinel", tls: files, password: "hush" });
const url = topology.url.replace(":hush@", "rookery:secret@");

const page = readFileSync("docs/operating.md", "utf8");
for (const [of, members] of Object.entries({ servers: topology.servers, sentinels: topology.sentinels })) {
  const line = new RegExp(`^# ${of}.*\\n(ACL SETUSER .*)$`, "m").exec(page)?.[1] ?? "";
  const [command = "", ...words] = line.replace("SECRET", "secret").split(" ");
  for (const member of members) await topology.clientOf(member).call(command, ...words);
}
const cluster = await startCluster({
  ...{ edges: 2, persisters: 2, redisUrl: url },
  set: { ...UNHURRIED, ROOKERY_REDIS_CA_FILE: files.ca },
});
afterAll(() => cluster.stop());

it("talk, presence, changes, reads and bans work for the least rights, and no process was denied a command", async () => {
  const ann = await cluster.client("ann", { edge: 0 });
  const bob = await cluster.client("bob", { edge: 1 });
  await ann.join("room", { persisted: true });
  await bob.join("room");
  const { id = "", epoch = 0, seq = 0 } = await ann.send("room", "hello");
  await bob.waitFor((frame) => frame.type === "message" && frame.id === id);
  await ann.waitFor((frame) => frame.type === "persisted" && frame.seq === seq);
  expect(await bob.change({ type: "react", channel: "room", id, emoji: "👍", on: true })).toMatchObject({ type: "ok" });
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
  for (const server of topology.servers) {
    const denied: unknown = await topology.clientOf(server).call("ACL", "LOG");
    expect(denied).toEqual([]);
  }
});

it.each([
  ["password", { redisUrl: topology.url.replace(":hush@", "rookery:wrong@"), ca: files.ca }, /WRONGPASS|NOAUTH/],
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
  const line = told
    .split("\n")
    .find((each) => each.startsWith("rookery dev could not start: redis at rediss+sentinel://***@"));
  expect(line).toMatch(why);
  expect(told).not.toContain("wrong@");
});
