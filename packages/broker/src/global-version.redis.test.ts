// How far changes that concern no one channel have come, as announcements leave it and the api reads it.
import { testRedis } from "@rookery/testkit";
import { expect, it } from "vitest";
import { createAnnouncer } from "./announcer.ts";
import { banEverywhere, noticeTo } from "./control.fixture.ts";
import { createEpochFloors } from "./floors.ts";
import { readGlobalVersion } from "./global-version.ts";
import { connected, keys } from "./publishing.suite.ts";

const server = await testRedis();
const connection = await connected(server.url);
const readFloors = (): Promise<void> => Promise.resolve();
const announcer = createAnnouncer({ connection, keys, floors: createEpochFloors(), readFloors });
const version = async (): Promise<number> => (await readGlobalVersion(connection, keys)).version;

it("is raised by announcements, in whichever order they come, and by nothing else", async () => {
  expect(await version()).toBe(0);
  await announcer.announce(0, banEverywhere(2, "ann"), "");
  expect(await version()).toBe(2);
  await announcer.announce(0, banEverywhere(1, "bob"), "");
  await announcer.announce(0, noticeTo("ann"), "");
  expect(await version()).toBe(2);
  await announcer.announce(0, banEverywhere(10, "cid"), "");
  expect(await version()).toBe(10);
});

it("comes with the time of the server that will judge when bans end", async () => {
  const [seconds = 0] = await server.redis.time();
  const { atMs } = await readGlobalVersion(connection, keys);
  expect(atMs).toBeGreaterThanOrEqual(seconds * 1000);
  expect(atMs).toBeLessThan(seconds * 1000 + 60_000);
});
