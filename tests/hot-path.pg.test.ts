// What a message of a channel with roles, a mute and a ban costs Postgres on the edge that takes it: nothing. One edge on a Redis
// and a database of this file's own, and no persister, whose business it is to write.
import { createMinter } from "@rookery/auth";
import { createPartitions } from "@rookery/broker";
import { connectStore, createChannelActs } from "@rookery/store";
import type { ChannelAct } from "@rookery/store";
import { testPostgres, testRedis } from "@rookery/testkit";
import type { Frame } from "@rookery/testkit";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launchEdge } from "./edge-process.ts";
import type { EdgeProcess } from "./edge-process.ts";
import { openWelcomed } from "./raw-socket.ts";
import type { RawSocket } from "./raw-socket.ts";
import { startStatementCounter } from "./statement-counter.ts";
import { UNHURRIED } from "./talk.ts";

const CHANNEL = "club";
const MESSAGES = 300;
/** An edge looks now and then whether Postgres is there, however much is said. */
const MOST_BY_THE_CLOCK = 5;
const FOR_GOOD = { untilMs: null, reason: null };
const ISSUED = { secret: "hot-path-secret-0123456789-abcdefghij", issuer: "rookery", audience: "rookery" };

const [{ url: redisUrl }, { url: postgresUrl }] = await Promise.all([testRedis(), testPostgres()]);
const counter = await startStatementCounter(postgresUrl);
const store = connectStore({ url: postgresUrl, max: 1, application: "test", statementTimeoutMs: 5_000 });
const minter = createMinter(ISSUED);
const sockets: RawSocket[] = [];
const stops: (() => Promise<void>)[] = [];
let edge: EdgeProcess;

beforeAll(async () => {
  const acts = createChannelActs(store);
  const of: ChannelAct = {
    ...{ actor: { kind: "key", name: "test" }, channel: CHANNEL },
    partition: createPartitions(64).of(CHANNEL),
  };
  await acts.create({ ...of, wanted: { kind: "private", owner: "olga", given: {} } });
  for (const user of ["ann", "eve"]) await acts.setRole({ ...of, user, role: "member" });
  await acts.mute({ ...of, user: "eve", mute: FOR_GOOD });
  await acts.ban({ ...of, user: "bob", ban: FOR_GOOD });
  const settings = {
    ...UNHURRIED,
    ROOKERY_REDIS_URL: redisUrl,
    ROOKERY_POSTGRES_URL: counter.url,
    ROOKERY_JWT_SECRET: ISSUED.secret,
  };
  edge = await launchEdge(settings, (stop) => stops.push(stop));
});
afterAll(async () => {
  for (const socket of sockets) socket.cut();
  await Promise.all(stops.map((stop) => stop()));
  await store.close();
  counter.close();
});

async function member(user: string): Promise<RawSocket> {
  const { token } = await minter.mint({ user, ttlSec: 600 });
  const socket = await openWelcomed(edge.ws, token);
  sockets.push(socket);
  expect(await ask(socket, { type: "join", ref: "in", channel: CHANNEL })).toMatchObject({ type: "ok" });
  return socket;
}

async function ask(socket: RawSocket, frame: { ref: string } & Record<string, unknown>): Promise<Frame> {
  socket.send(JSON.stringify(frame));
  return socket.waitFor(({ ref }) => ref === frame.ref);
}

const message = (ref: string) => ({ type: "send", ref, channel: CHANNEL, clientId: ref, body: "hello" });

it("messages, taken and refused, ask Postgres nothing while rights are judged", async () => {
  await expect.poll(async () => (await fetch(`${edge.internal}/readyz`)).status, { timeout: 10_000 }).toBe(200);
  const [olga, ann, eve] = [await member("olga"), await member("ann"), await member("eve")];
  await Promise.all([olga, ann, eve].map((each) => ask(each, message("first"))));
  const before = counter.count();
  const speakers = [olga, ann, eve];
  for (let n = 0; n < MESSAGES; n += 1) for (const each of speakers) each.send(JSON.stringify(message(`m-${n}`)));
  const told = (): unknown[] =>
    speakers.map(({ frames }) => {
      const answers = frames.filter(({ ref }) => ref?.startsWith("m-"));
      return [answers.length, [...new Set(answers.map(({ type, code }) => code ?? type))]];
    });
  const taken = [MESSAGES, ["ok"]];
  await expect.poll(told, { timeout: 20_000 }).toEqual([taken, taken, [MESSAGES, ["muted"]]]);
  expect(counter.count() - before).toBeLessThanOrEqual(MOST_BY_THE_CLOCK);
});
