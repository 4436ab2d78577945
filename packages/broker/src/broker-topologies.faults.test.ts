// The broker on each topology as it is run where others can listen: with TLS by a CA of one's own, and for a user who may do
// no more than the page on operating grants, whose very lines are in force here. And who is not let in.
import { readFileSync } from "node:fs";
import { testCertificates, testTopology } from "@rookery/testkit";
import type { TestTopology } from "@rookery/testkit";
import { describe, expect, it, onTestFinished } from "vitest";
import { attachRedis } from "./attach.ts";
import { itIsABroker } from "./broker.suite.ts";
import { connectRedis, whenReady } from "./connect.ts";
import type { RedisConnection } from "./connect.ts";
import { createKeys } from "./keys.ts";
import { createPartitions } from "./partitions.ts";

const { ca, files } = await testCertificates();
const stranger = await testCertificates();
const operating = readFileSync(new URL("../../../docs/operating.md", import.meta.url), "utf8");

/** The words of `ACL SETUSER` for servers and for Sentinels, as they are documented. */
const documentedRights = (of: "servers" | "sentinels"): string[] => {
  const line = new RegExp(`^# ${of}.*\\n(ACL SETUSER .*)$`, "m").exec(operating)?.[1];
  if (line === undefined) throw new Error(`no rights of ${of} are documented`);
  return line.replace("SECRET", "secret").split(" ");
};

const grant = async ({ servers, sentinels, clientOf }: TestTopology): Promise<void> => {
  const [command = "", ...words] = documentedRights("servers");
  for (const server of servers) await clientOf(server).call(command, ...words);
  const [same = "", ...fewer] = documentedRights("sentinels");
  for (const sentinel of sentinels) await clientOf(sentinel).call(same, ...fewer);
};

describe.each(["single", "sentinel", "cluster"] as const)("on a %s with TLS", async (kind) => {
  const topology = await testTopology({ kind, tls: files, password: "hush" });
  await grant(topology);
  const addressOf = (user: string, password: string): string => topology.url.replace(":hush@", `${user}:${password}@`);
  const url = addressOf("rookery", "secret");

  const refused = async (options: { url: string; ca?: string }): Promise<string> => {
    const connection = opened(options);
    return whenReady(connection, 2_000).then(
      () => "let in",
      (error: unknown) => String(error),
    );
  };
  const opened = (options: { url: string; ca?: string }): RedisConnection => {
    const connection = connectRedis({ ...options, use: "commands", commandTimeoutMs: 1_000 });
    onTestFinished(() => connection.disconnect());
    return connection;
  };

  itIsABroker({ topology, address: () => ({ url, ca }) });

  it("a server of another CA is told as such, in one line", async () => {
    for (const wrong of [{ url }, { url, ca: stranger.ca }]) {
      expect(await refused(wrong), "what is told").toMatch(
        /^Error: Redis was not ready within 2000 ms: .*certificate[^\n]*$/,
      );
    }
  });

  it("a wrong password is told as such, in one line, and never repeated", async () => {
    const answer = await refused({ url: addressOf("rookery", "wrong"), ca });
    expect(answer).toMatch(/^Error: Redis was not ready within 2000 ms: .*(WRONGPASS|NOAUTH)[^\n]*$/);
    expect(answer).not.toContain("wrong:");
    const reasons: string[] = [];
    const giveUp = new AbortController();
    await attachRedis({
      connection: opened({ url: addressOf("nobody", "secret"), ca }),
      keys: createKeys(createPartitions(8)),
      signal: giveUp.signal,
      waiting: (reason) => {
        reasons.push(reason);
        giveUp.abort();
      },
    });
    expect(reasons).toEqual([expect.stringMatching(/^Redis does not answer: .*(WRONGPASS|NOAUTH)/)]);
  });

  it("the user of the cluster may do nothing that it does not need", async () => {
    const connection = opened({ url, ca });
    await whenReady(connection, 5_000);
    const forbidden = [
      ["KEYS", "*"],
      ["FLUSHALL"],
      ["CONFIG", "GET", "*"],
      ["CLIENT", "KILL", "TYPE", "normal"],
      ["ACL", "LIST"],
    ];
    for (const [command = "", ...words] of forbidden) {
      await expect(connection.call(command, ...words), command).rejects.toThrow(/NOPERM/);
    }
  });
});
