// The table of the connection, row by row, and what a client must not do again with sockets and tokens.
import { describe, expect, it } from "vitest";
import { createConnection } from "./connection.ts";
import type { Connection } from "./connection.ts";
import { createFakeWorld, welcomeOf } from "./fake-world.fixture.ts";
import type { FakeClock, FakeWorld } from "./fake-world.fixture.ts";

interface Scene {
  readonly connection: Connection;
  readonly close: (reason: string) => void;
  readonly world: FakeWorld;
  readonly clock: FakeClock;
  /** `state`, or `state: reason`. */
  readonly states: string[];
  readonly lost: number[];
}

function start({ urls = ["ws://one/ws"], token }: { urls?: string[]; token?: string } = {}): Scene {
  const world = createFakeWorld();
  const states: string[] = [];
  const lost: number[] = [];
  const [connection, close] = createConnection({
    ...{ urls, token, world },
    events: {
      changed: (state, reason) => void states.push(reason === "" ? state : `${state}: ${reason}`),
      welcome: () => undefined,
      lost: (code) => void lost.push(code),
      frame: () => undefined,
    },
  });
  connection.start();
  return { connection, close, world, clock: world.clock, states, lost };
}

function open(scene: Scene, refreshAt = 900_000): void {
  if (scene.connection.state() === "token") scene.connection.token("t");
  scene.connection.open();
  scene.connection.frame(welcomeOf("ann", { refreshAt }));
}

/** Until the wait is over, and no longer. */
async function waitedMs({ connection, clock }: Scene): Promise<number> {
  const fromMs = clock.nowMs();
  while (connection.state() === "waiting") await clock.pass(5);
  return clock.nowMs() - fromMs;
}

const shown = ({ world }: Scene): string[] =>
  world.said.flatMap((frame) => (frame.type === "auth" ? [frame.token] : []));

describe("a connection", () => {
  it("asks for a token, dials, shows it, and is open with its welcome", () => {
    const scene = start();
    scene.connection.token("t1");
    expect(scene.world.dialled).toEqual(["ws://one/ws"]);
    expect(shown(scene)).toEqual([]);
    open(scene);
    expect(shown(scene)).toEqual(["t1"]);
    expect(scene.states).toEqual(["token", "opening", "open"]);
  });

  it("dials at once with a token that it was given", () => {
    const scene = start({ token: "given" });
    expect(scene.world.counts.fetched).toBe(0);
    expect(scene.states).toEqual(["opening"]);
  });

  it.each([
    ["refused", (scene: Scene) => Promise.resolve(scene.connection.noToken("down"))],
    ["late", (scene: Scene) => scene.clock.pass(30_000)],
  ])("asks again after a while for a token that was %s, as often as it takes", async (_, fail) => {
    const scene = start();
    for (const asked of [1, 2, 3]) {
      expect(scene.world.counts.fetched).toBe(asked);
      await fail(scene);
      expect(scene.connection.state()).toBe("waiting");
      await waitedMs(scene);
    }
    scene.connection.token("at last");
    expect(scene.connection.state()).toBe("opening");
  });

  it("uses a token that comes after it was given up", async () => {
    const scene = start();
    await scene.clock.pass(30_000);
    scene.connection.token("late");
    await scene.clock.pass(20_000);
    expect(scene.connection.state()).toBe("opening");
    open(scene);
    expect(shown(scene)).toEqual(["late"]);
  });

  it.each([
    [4000, "waiting"],
    [4006, "waiting"],
    [4399, "waiting"],
    [1006, "waiting"],
    [1011, "waiting"],
    [4500, "closed"],
    [4503, "closed"],
    [4999, "closed"],
    [1000, "closed"],
  ])("is %i closed, then %s, and what was asked is lost", (code, state) => {
    const scene = start();
    open(scene);
    scene.connection.closed(code, "word");
    expect(scene.states.at(-1)).toBe(`${state}: word`);
    expect(scene.lost).toEqual([code]);
  });

  it.each([4400, 4401, 4403, 4408, 4499])("asks for a fresh token after %i", async (code) => {
    const scene = start();
    open(scene);
    scene.connection.closed(code, "token");
    await scene.clock.pass(20_000);
    expect(scene.connection.state()).toBe("token");
    expect(scene.world.counts.fetched).toBe(2);
  });

  it("is closed by a refused token that nobody can replace", () => {
    const scene = start({ token: "given" });
    open(scene);
    scene.connection.closed(4401, "token");
    expect(scene.states.at(-1)).toBe("closed: token");
  });

  it("goes to the next address each time, and around", async () => {
    const scene = start({ urls: ["ws://a", "ws://b", "ws://c"], token: "t" });
    for (let n = 0; n < 3; n += 1) {
      scene.connection.closed(1006, "");
      await waitedMs(scene);
    }
    expect(scene.world.dialled).toEqual(["ws://a", "ws://b", "ws://c", "ws://a"]);
  });

  it("waits longer each time, up to 20 s, and begins anew after 30 s of a working session", async () => {
    const scene = start({ token: "t" });
    const waited = (): Promise<number> => {
      scene.connection.closed(1006, "");
      return waitedMs(scene);
    };
    const waits: number[] = [];
    for (let n = 0; n < 9; n += 1) waits.push(await waited());
    expect(waits).toEqual([250, 375, 625, 1_125, 2_125, 4_125, 8_125, 10_125, 10_125]);
    open(scene);
    await scene.clock.pass(10_000);
    expect(await waited()).toBe(10_125);
    open(scene);
    await scene.clock.pass(30_000);
    scene.connection.frame({ type: "pong", at: 0 });
    expect(await waited()).toBe(250);
  });

  it("goes to another node when its own drains, without waiting longer for it", async () => {
    const scene = start({ urls: ["ws://a", "ws://b"], token: "t" });
    open(scene);
    scene.connection.frame({ type: "reconnect", afterMs: 200, code: 4000 });
    await scene.clock.pass(199);
    expect(scene.world.dialled).toEqual(["ws://a"]);
    await scene.clock.pass(1);
    expect(scene.world.dialled).toEqual(["ws://a", "ws://b"]);
    expect(scene.lost).toEqual([4000]);
    expect(scene.world.counts.hungUp).toBe(1);
  });

  it("is closed by close in every state, and then stays so whatever happens", async () => {
    const reach: ((scene: Scene) => void)[] = [
      () => undefined,
      (scene) => scene.connection.token("t"),
      (scene) => open(scene),
      (scene) => scene.connection.noToken("down"),
    ];
    for (const [n, go] of reach.entries()) {
      const scene = start();
      go(scene);
      expect(scene.connection.state()).toBe(["token", "opening", "open", "waiting"][n]);
      scene.close("enough");
      const { length } = scene.world.dialled;
      scene.connection.token("late");
      scene.connection.wake();
      scene.connection.closed(1006, "");
      scene.connection.frame(welcomeOf());
      await scene.clock.pass(120_000);
      expect(scene.states.at(-1)).toBe("closed: enough");
      expect(scene.world.dialled).toHaveLength(length);
      scene.close("again");
      expect(scene.states.at(-1)).toBe("closed: enough");
    }
  });
});

describe("an open session", () => {
  it("asks for signs of life, and is lost without any", async () => {
    const scene = start({ token: "t" });
    open(scene);
    await scene.clock.pass(25_000);
    expect(scene.world.said.filter(({ type }) => type === "ping")).toHaveLength(1);
    scene.connection.frame({ type: "pong", at: 1 });
    await scene.clock.pass(25_000 + 14_999);
    expect(scene.connection.state()).toBe("open");
    await scene.clock.pass(1);
    expect(scene.states.at(-1)).toBe("waiting: no answer");
    expect(scene.world.counts.hungUp).toBe(1);
  });

  it("that nobody opens is lost", async () => {
    const scene = start({ token: "t" });
    await scene.clock.pass(14_999);
    expect(scene.connection.state()).toBe("opening");
    scene.connection.frame({ type: "pong", at: 1 });
    await scene.clock.pass(1);
    expect(scene.states.at(-1)).toBe("waiting: no answer");
  });

  it("shows a fresh token once the server's clock says so, whatever the clock here", async () => {
    const scene = start();
    open(scene, 1_000);
    scene.clock.setTime(0);
    scene.connection.frame({ type: "pong", at: 999 });
    expect(scene.world.counts.fetched).toBe(1);
    scene.connection.frame({ type: "pong", at: 1_000 });
    scene.connection.frame({ type: "pong", at: 1_001 });
    expect(scene.world.counts.fetched).toBe(2);
    scene.connection.token("t2");
    expect(shown(scene)).toEqual(["t", "t2"]);
    const later = { refreshAt: 5_000, expiresAt: 6_000, user: "ann" };
    scene.connection.frame({ type: "ok", ref: "auth", ...later });
    scene.connection.frame({ type: "pong", at: 4_999 });
    expect(scene.world.counts.fetched).toBe(2);
  });

  it("asks again with a later ping when no fresh token is to be found", () => {
    const scene = start();
    open(scene, 1_000);
    scene.connection.frame({ type: "pong", at: 1_000 });
    scene.connection.noToken("down");
    expect(scene.connection.state()).toBe("open");
    scene.connection.frame({ type: "pong", at: 1_001 });
    expect(scene.world.counts.fetched).toBe(3);
  });

  it("is tried out at once when the page wakes up, and given up soon", async () => {
    const scene = start({ token: "t" });
    open(scene);
    scene.connection.wake();
    expect(scene.world.said.at(-1)).toEqual({ type: "ping" });
    await scene.clock.pass(4_000);
    expect(scene.connection.state()).toBe("waiting");
  });

  it("is looked for at once when the page wakes up, and once", async () => {
    const scene = start({ token: "t" });
    scene.connection.closed(1006, "");
    scene.connection.wake();
    expect(scene.world.dialled).toHaveLength(2);
    await scene.clock.pass(10_000);
    expect(scene.world.dialled).toHaveLength(2);
  });
});
