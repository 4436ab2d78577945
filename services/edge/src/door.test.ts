// Contract of the door: what it refuses before anything is spent, what it spends, and who pays.
import { packTicket } from "@rookery/auth";
import type { Verified } from "@rookery/auth";
import { ChatError, CLOSES } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { REFUSAL_BURST } from "./addresses.ts";
import { doorRig, ORIGIN } from "./door.fixture.ts";
import { NO_SOCKET, OPEN_CONTROL } from "./session.fixture.ts";
import { handshakeFault } from "./upgrade-request.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

const GOOD: UpgradeRequest = {
  ...{ upgrade: "websocket", connection: "Upgrade", version: "13", key: "dGhlIHNhbXBsZSBub25jZQ==", extensions: "" },
  ...{
    authorization: "Bearer a.b.c",
    protocols: "",
    query: "",
    cookie: "",
    origin: "",
    userAgent: "",
    forwardedFor: [],
  },
};
const FOREIGN = { ...GOOD, origin: "https://evil.example" };
const BAD_TOKEN: Verified = { kind: "refusal", code: "unauthenticated", message: "no" };
const AWAY: Verified = { kind: "refusal", code: "unavailable", message: "away" };

type Rig = ReturnType<typeof doorRig>;

/** Holds as they are taken and given back. */
function countedWatch(first: Promise<void> | undefined) {
  const holds = { n: 0 };
  const watch = {
    hold() {
      holds.n += 1;
      return first;
    },
    ready: () => first,
    release: () => void (holds.n -= 1),
  };
  return { holds, watch };
}

/** A socket from the upgrade to its end, as the listener would tell of it; resolves with the code of its close. */
async function visit({ door }: Rig, address: string, request = GOOD, closedBy?: number): Promise<number | string> {
  const admission = door.admit(request, address);
  if (admission.kind === "refused") return admission.reason;
  return new Promise((resolve) => {
    const session = door.enter(
      {
        ...NO_SOCKET,
        end: (farewell: number) => {
          const code = closedBy ?? farewell;
          door.exit(session, code);
          resolve(code);
        },
      },
      address,
      "",
    );
    door.greet(session, admission)?.catch(() => undefined);
    setImmediate(() => session.farewell("lifetime", 0));
  });
}

describe("a handshake", () => {
  it.each<[string, Partial<UpgradeRequest>]>([
    ["version 8", { version: "8" }],
    ["version 99", { version: "99" }],
    ["two versions", { version: "13, 8" }],
    ["no version", { version: "" }],
    ["no Upgrade", { upgrade: "" }],
    ["an Upgrade to something else", { upgrade: "h2c" }],
    ["a Connection that does not name the Upgrade", { connection: "keep-alive" }],
    ["neither, and no key", { upgrade: "", connection: "", version: "", key: "" }],
  ])("with %s is none of ours", (_what, change) => {
    expect(handshakeFault({ ...GOOD, ...change })).toBe("not_websocket");
  });

  it.each(["", "dGhlIHNhbXBsZQ==", "!!!!!!!!!!!!!!!!!!!!!!!!", "dGhlIHNhbXBsZSBub25jZQ==, dGhlIHNhbXBsZSBub25jZQ=="])(
    "with %j for a key is not well formed",
    (key) => expect(handshakeFault({ ...GOOD, key })).toBe("bad_key"),
  );

  it("may write its words in any case, and in company", () => {
    expect(handshakeFault({ ...GOOD, upgrade: "WebSocket", connection: "keep-alive, UPGRADE" })).toBeUndefined();
  });
});

describe("a connection that was ended", () => {
  it("counts for its address while its peer may not have ended it, and not at all when it was cut", async () => {
    const ended = doorRig({ connectionsPerAddress: 2 });
    for (let n = 0; n < 4; n += 1) expect(await visit(ended, "192.0.2.1")).toBe(4004);
    expect(await visit(ended, "192.0.2.1")).toBe("address_full");
    expect(await visit(ended, "192.0.2.2")).toBe(4004);
    const cut = doorRig({ connectionsPerAddress: 2 });
    for (let n = 0; n < 10; n += 1) expect(await visit(cut, "192.0.2.1", GOOD, 1006)).toBe(1006);
  });

  it("counts in the node's own cap likewise", async () => {
    const rig = doorRig({ maxConnections: 2 });
    for (let n = 0; n < 4; n += 1) expect(await visit(rig, `192.0.2.${n}`)).toBe(4004);
    expect(await visit(rig, "192.0.2.9")).toBe("node_full");
  });
});

describe("an upgrade that is refused", () => {
  it("since there is too much to do, is told when to come back and costs nobody anything", async () => {
    const asked: string[] = [];
    const rig = doorRig({
      connectsPerSec: 1,
      overload: {
        shedMs(what) {
          asked.push(what);
          return asked.length <= 2 * REFUSAL_BURST ? 1500 : 0;
        },
      },
    });
    const refusals = Array.from({ length: 2 * REFUSAL_BURST }, () => rig.door.admit(GOOD, "192.0.2.1"));
    expect(new Set(refusals.map((each) => JSON.stringify(each)))).toEqual(
      new Set([JSON.stringify({ kind: "refused", reason: "overloaded", retryAfterMs: 1500 })]),
    );
    expect(await rig.metric('rookery_edge_upgrades_refused_total{reason="overloaded"}')).toBe(2 * REFUSAL_BURST);
    expect(rig.door.admit(GOOD, "192.0.2.1").kind).toBe("presented");
    expect(new Set(asked)).toEqual(new Set(["connection"]));
  });

  it("since too many come at once, is told a time of its own, one after the other and none beyond a client's longest pause", () => {
    const { door } = doorRig({ connectsPerSec: 1 });
    const admissions = Array.from({ length: 60 }, () => door.admit(GOOD, "192.0.2.1"));
    const times = admissions.flatMap((each) => (each.kind === "refused" ? [each.retryAfterMs ?? 0] : []));
    // The clock goes on meanwhile, and on a busy machine an accept or two come free.
    expect(times.length).toBeGreaterThan(50);
    for (const [n, retryAfterMs] of times.slice(0, 15).entries()) {
      expect(Math.floor(retryAfterMs)).toBeLessThanOrEqual((n + 1) * 1000);
      expect(retryAfterMs).toBeGreaterThan((n - 5) * 1000);
    }
    expect(Math.max(...times)).toBeGreaterThan(19_000);
    expect(Math.floor(Math.max(...times))).toBeLessThanOrEqual(20_000);
  });

  it("spends no accept, whatever is wrong with it", () => {
    const { door } = doorRig({ connectsPerSec: 1 });
    const wrong = [FOREIGN, { ...GOOD, version: "8" }, { ...GOOD, key: "" }, { ...GOOD, query: "token=x" }];
    for (const request of wrong) expect(door.admit(request, "192.0.2.1").kind).toBe("refused");
    expect(door.admit({ ...GOOD, origin: ORIGIN }, "192.0.2.2").kind).toBe("presented");
    expect(door.admit(GOOD, "192.0.2.3")).toMatchObject({ kind: "refused", reason: "too_many_at_once" });
  });

  it("is paid by its address, which is not listened to after too many, and by nobody else", () => {
    const { door } = doorRig();
    for (let n = 0; n < REFUSAL_BURST + 5; n += 1) door.admit(FOREIGN, "192.0.2.1");
    expect(door.admit(GOOD, "192.0.2.1")).toMatchObject({ reason: "address_refused" });
    expect(door.admit(GOOD, "192.0.2.2").kind).toBe("presented");
  });

  it("for want of room is not its address's fault", () => {
    const { door } = doorRig({ maxConnections: 0 });
    for (let n = 0; n < REFUSAL_BURST * 2; n += 1) {
      expect(door.admit(GOOD, "192.0.2.1")).toMatchObject({ reason: "node_full" });
    }
  });

  it("is counted by its reason, and logged with its origin once in a while", async () => {
    const { door, metric, warnings } = doorRig();
    for (const request of [FOREIGN, FOREIGN, { ...GOOD, query: "token=x" }, FOREIGN]) door.admit(request, "192.0.2.1");
    expect(await metric('rookery_edge_upgrades_refused_total{reason="origin"}')).toBe(3);
    expect(await metric('rookery_edge_upgrades_refused_total{reason="token_in_query"}')).toBe(1);
    expect(warnings).toEqual([
      { reason: "origin", origin: "https://evil.example", count: 1 },
      { reason: "token_in_query", origin: "", count: 1 },
    ]);
  });
});

describe("whoever brings a token", () => {
  const enter = (rig: Rig): [string[], Promise<void> | undefined] => {
    const said: string[] = [];
    const send = (text: string): void => void said.push(text);
    const end = (code: number): void => void said.push(String(code));
    const session = rig.door.enter({ ...NO_SOCKET, send, end }, "192.0.2.1", "");
    return [said, rig.door.greet(session, rig.door.admit(GOOD, "192.0.2.1"))];
  };

  it("is welcome in the same turn where nothing has to be fetched to look at it, or sent away", () => {
    const [said, looked] = enter(doorRig());
    expect([said, looked]).toEqual([[expect.stringContaining('"welcome"')], undefined]);
    expect(enter(doorRig({ verified: BAD_TOKEN }))).toEqual([["4401"], undefined]);
  });

  it("is waited for where its keys have to be fetched", async () => {
    const [said, looked] = enter(doorRig({ verifiesLater: true }));
    expect([said, looked]).toEqual([[], expect.any(Promise)]);
    await looked;
    expect(said).toEqual([expect.stringContaining('"welcome"')]);
  });
});

describe("an accept that was spent on nobody", () => {
  it.each([false, true])("is paid by its address when the token was bad, found late: %s", async (verifiesLater) => {
    const rig = doorRig({ verified: BAD_TOKEN, verifiesLater });
    expect(await visit(rig, "192.0.2.1")).toBe(4401);
    for (let n = 0; n < REFUSAL_BURST + 5; n += 1) await visit(rig, "192.0.2.1");
    expect(await visit(rig, "192.0.2.1")).toBe("address_refused");
    expect(await visit(rig, "192.0.2.2")).toBe(4401);
  });

  it("is paid by its address when nobody said who it was", async () => {
    const rig = doorRig();
    for (let n = 0; n < REFUSAL_BURST + 5; n += 1) await visit(rig, "192.0.2.1", { ...GOOD, authorization: "" });
    expect(await visit(rig, "192.0.2.1")).toBe("address_refused");
  });

  it("is nobody's fault when tokens cannot be checked now: 4005, as often as it likes", async () => {
    const rig = doorRig({ verified: AWAY });
    const ends = new Set<number | string>();
    for (let n = 0; n < REFUSAL_BURST + 5; n += 1) ends.add(await visit(rig, "192.0.2.1"));
    expect(ends).toEqual(new Set([4005]));
  });

  it("is none when a good token's welcome still waited for Redis as its socket ended", () => {
    const { watch } = countedWatch(new Promise(() => undefined));
    const { door } = doorRig({ watch });
    for (let n = 0; n < REFUSAL_BURST + 5; n += 1) {
      const admission = door.admit(GOOD, "192.0.2.1");
      expect(admission.kind).toBe("presented");
      const session = door.enter(NO_SOCKET, "192.0.2.1", "");
      const looked = door.greet(session, admission);
      expect(looked).toBeInstanceOf(Promise);
      door.exit(session, 1006);
    }
  });

  it("is none at all when somebody came in", async () => {
    const rig = doorRig();
    const ends = new Set<number | string>();
    for (let n = 0; n < REFUSAL_BURST + 5; n += 1) ends.add(await visit(rig, "192.0.2.1"));
    expect(ends).toEqual(new Set([4004]));
  });
});

describe("a welcome", () => {
  async function open(first: Promise<void> | undefined, control = OPEN_CONTROL) {
    const { holds, watch } = countedWatch(first);
    const { door, hub } = doorRig({ watch, control });
    const admission = door.admit(GOOD, "192.0.2.1");
    if (admission.kind === "refused") throw new Error(admission.reason);
    const told: (string | number)[] = [];
    const session = door.enter(
      {
        ...NO_SOCKET,
        ...{ send: (text) => void told.push(text), end: (code) => void told.push(code) },
      },
      "192.0.2.1",
      "curl",
    );
    const greeted = door.greet(session, admission);
    await new Promise((resolve) => setImmediate(resolve));
    return { holds, told, greeted, hub, exit: () => door.exit(session, 1000) };
  }

  it("waits until the user's partition is watched, which the session holds until its end", async () => {
    let watched = (): void => undefined;
    const { holds, told, greeted, hub, exit } = await open(new Promise((resolve) => (watched = resolve)));
    expect([told, hub.counts().sessions]).toEqual([[], 0]);
    watched();
    await greeted;
    expect(told).toEqual([expect.stringContaining('"welcome"')]);
    expect(holds.n).toBe(1);
    exit();
    expect(holds.n).toBe(0);
  });

  it("is not said to a socket that ended meanwhile, which holds nothing", async () => {
    let watched = (): void => undefined;
    const { holds, told, greeted, hub, exit } = await open(new Promise((resolve) => (watched = resolve)));
    exit();
    watched();
    await greeted;
    expect([told, hub.counts().sessions, holds.n]).toEqual([[], 0, 0]);
  });

  it.each(["banned", "revoked"] as const)("is not said to whoever was %s while it waited", async (kind) => {
    let watched = (): void => undefined;
    let refusal: ReturnType<typeof OPEN_CONTROL.table.refusal>;
    const table = { version: () => 0, refusal: () => refusal };
    const waiting = new Promise<void>((resolve) => (watched = resolve));
    const { holds, told, greeted, hub } = await open(waiting, { ...OPEN_CONTROL, table });
    // The ban is heard of and acted upon: it finds nobody to close.
    refusal = kind === "banned" ? { kind, untilMs: null, reason: null } : { kind };
    watched();
    await greeted;
    expect(told).toEqual([CLOSES[kind].code]);
    expect([hub.counts().sessions, holds.n]).toEqual([0, 0]);
  });

  it("waits while what is in force everywhere cannot be known to be current", async () => {
    let opened = (): void => undefined;
    const opening = new Promise<void>((resolve) => (opened = resolve));
    const gate = { ...OPEN_CONTROL.gate, whenOpen: () => opening };
    const { told, greeted } = await open(undefined, { ...OPEN_CONTROL, gate });
    expect(told).toEqual([]);
    opened();
    await greeted;
    expect(told).toEqual([expect.stringContaining('"welcome"')]);
  });

  it("is said to nobody before it is known who is banned everywhere: such an edge opens no socket", () => {
    const { door } = doorRig({ control: { ...OPEN_CONTROL, table: { version: () => -1, refusal: () => undefined } } });
    expect(door.admit(GOOD, "192.0.2.1")).toMatchObject({ kind: "refused", reason: "not_ready" });
  });

  it("is said all the same while Redis is away, and the partition held until the end", async () => {
    const { holds, told, greeted, exit } = await open(Promise.reject(new Error("away")));
    await greeted;
    expect(told).toEqual([expect.stringContaining('"welcome"')]);
    expect(holds.n).toBe(1);
    exit();
    expect(holds.n).toBe(0);
  });
});

describe("a ticket", () => {
  const WITH_TICKET = { ...GOOD, authorization: "", query: "ticket=t1" };
  const BEARER = { user: "ann", name: "Ann", jti: "j", issuedAtMs: 5, expiresAtMs: 9e15 };

  it("opens a connection of whoever bought it, and is asked for once", async () => {
    const asked: string[] = [];
    const takeTicket = async (id: string): Promise<string> => {
      asked.push(id);
      return packTicket(BEARER);
    };
    const rig = doorRig({ takeTicket, verified: BAD_TOKEN });
    const admission = rig.door.admit(WITH_TICKET, "192.0.2.1");
    const said: string[] = [];
    const session = rig.door.enter({ ...NO_SOCKET, send: (text) => void said.push(text) }, "192.0.2.1", "");
    const looked = rig.door.greet(session, admission);
    expect(session.identity, "frames wait for it").toBeUndefined();
    await looked;
    expect(session.identity).toMatchObject({ user: "ann", expiresAtMs: 9e15, jti: "j" });
    expect(JSON.parse(said[0] ?? "")).toMatchObject({ type: "welcome", user: "ann", name: "Ann" });
    expect(asked).toEqual(["t1"]);
    expect(await rig.metric('rookery_edge_token_checks_total{outcome="ok"}')).toBe(1);
  });

  it.each<[string, () => Promise<string | undefined>, number]>([
    ["that was used, has run out or never was", () => Promise.resolve(undefined), 4401],
    ["of another form", () => Promise.resolve("{}"), 4401],
    ["whose token has expired", () => Promise.resolve(packTicket({ ...BEARER, expiresAtMs: 1 })), 4401],
    ["while Redis is away", () => Promise.reject(new ChatError("unavailable", "away")), 4005],
    ["over which something breaks", () => Promise.reject(new Error("broken")), 4003],
  ])("%s opens none", async (_what, takeTicket, code) => {
    expect(await visit(doorRig({ takeTicket }), "192.0.2.1", WITH_TICKET)).toBe(code);
  });

  it("that is no good is paid for by its address", async () => {
    const rig = doorRig();
    for (let n = 0; n < REFUSAL_BURST; n += 1) await visit(rig, "192.0.2.1", WITH_TICKET);
    expect(await visit(rig, "192.0.2.1", WITH_TICKET)).toBe("address_refused");
    expect(await visit(rig, "192.0.2.2", WITH_TICKET)).toBe(4401);
  });
});
