// What rights ask of real servers: the same of a channel that is hidden as of one that never was, and nothing of what they know.
import { connectRedis, createAccessStore, createKeys, createPartitions, whenReady } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import { createRights } from "@rookery/rights";
import { connectStore, createChannelActs, createChannels, createStandings } from "@rookery/store";
import { testPostgres, testRedis } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startStatementCounter } from "./statement-counter.ts";

const [redis, postgres] = await Promise.all([testRedis(), testPostgres()]);
const counter = await startStatementCounter(postgres.url);
const store = connectStore({ url: counter.url, max: 1, application: "test", statementTimeoutMs: 5_000 });
const connection = connectRedis({ url: redis.url, use: "commands", commandTimeoutMs: 2_000 });
const monitor = await redis.redis.monitor();
afterAll(async () => {
  monitor.disconnect();
  connection.disconnect();
  await store.close();
  counter.close();
});

const partitions = createPartitions(4);
const keys = createKeys(partitions);
const commands: string[] = [];
monitor.on("monitor", (_at: string, [name = "", ...args]: string[], source: string) => {
  if (source === "lua") return;
  commands.push(name === "echo" ? (args[0] ?? "") : [name, ...args.slice(2)].join(" "));
});
let marks = 0;
/** What Redis was asked for since the last mark. */
async function sinceLastMark(): Promise<string[]> {
  const mark = `mark ${(marks += 1)}`;
  await connection.echo(mark);
  await expect.poll(() => commands.at(-1)).toBe(mark);
  return commands.splice(0).slice(0, -1);
}

const rights = createRights({
  channels: createChannels(store),
  access: createAccessStore({ connection, keys }),
  standings: createStandings(store),
  ...{ partitionOf: partitions.of, autoCreate: false },
});

beforeAll(async () => {
  await whenReady(connection, 2_000);
  const acts = createChannelActs(store);
  const act = (channel: string) => ({ actor: { kind: "key", name: "test" } as const, channel, partition: 0 });
  const wanted = { kind: "private", owner: "olga", given: {} } as const;
  for (const channel of ["cold", "warm", "gone"]) await acts.create({ ...act(channel), wanted });
  await acts.create({ ...act("dm:pair"), wanted: { kind: "direct", users: ["olga", "ann"] } });
  await acts.delete(act("gone"));
  await rights.cached({ user: "olga", channel: "warm", right: "join" });
});

it("what is hidden is asked for as what is absent is: the same commands, as many statements, the same words", async () => {
  const asked = async (channel: string): Promise<string> => {
    await sinceLastMark();
    const statements = counter.count();
    const error: unknown = await Promise.resolve(rights.cached({ user: "eve", channel, right: "join" })).catch(
      (refusal: unknown) => refusal,
    );
    const said = error instanceof ChatError ? `${error.code}: ${error.message}` : "let in";
    const sent = (await sinceLastMark()).join("; ");
    const hash = new RegExp(`\\{[^}]*\\}|${channel}`, "g");
    return `${said}, ${counter.count() - statements} statements, ${sent.replaceAll(hash, "it")}`;
  };
  const answers = [];
  for (const channel of ["absent", "cold", "warm", "gone", "dm:pair", "absent", "warm"])
    answers.push(await asked(channel));
  expect(new Set(answers).size).toBe(1);
  expect(answers[0]).toMatch(/^not_found: no such channel, 1 statements, evalsha /);
});

it("what is known is asked of nobody, however often", async () => {
  await sinceLastMark();
  const statements = counter.count();
  for (let n = 0; n < 1000; n += 1) await rights.cached({ user: "olga", channel: "warm", right: "write" });
  expect(await sinceLastMark()).toEqual([]);
  expect(counter.count() - statements).toBe(0);
});
