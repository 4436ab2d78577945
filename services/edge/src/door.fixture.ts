// A door without stores behind it, for tests of the door and of the public port: real hub, metrics, addresses and sessions;
// every command is answered with its type and nothing else. Only tests use it.
import type { Verified } from "@rookery/auth";
import { createPartitions } from "@rookery/broker";
import { createDecoder, DEFAULT_LIMITS } from "@rookery/protocol";
import { createClientAddress, createMetrics, createOriginAllowed } from "@rookery/runtime";
import { createAddresses } from "./addresses.ts";
import type { EdgeContext } from "./context.ts";
import { createDoor } from "./door.ts";
import { createHub } from "./hub.ts";
import type { IdentifyContext } from "./identify.ts";
import { createIntake } from "./intake.ts";
import { createMembership } from "./membership.ts";
import { createEdgeMetrics } from "./metrics.ts";
import { ALONE, NO_OVERLOAD, OPEN_CONTROL, SESSION_RULES } from "./session.fixture.ts";
import type { Session } from "./session.ts";

export const ORIGIN = "https://chat.example.com";

export interface DoorRig {
  maxConnections?: number;
  connectsPerSec?: number;
  connectionsPerAddress?: number;
  overload?: EdgeContext["overload"];
  node?: () => string;
  /** What becomes of every token; a good one of `ann` when left out. */
  verified?: Verified;
  /** Whether that is known only later, as with keys that have to be fetched. */
  verifiesLater?: boolean;
  watch?: EdgeContext["watch"];
  control?: IdentifyContext["control"];
  /** What a ticket stands for; every one is unknown when left out. */
  takeTicket?: (id: string) => Promise<string | undefined>;
}

const ANN: Verified = { kind: "identity", user: "ann", name: "Ann", issuedAtMs: 0, expiresAtMs: 9e15, claims: {} };

const WATCHED = { hold: () => undefined, ready: () => undefined, release: () => undefined };

export function doorRig(options: DoorRig = {}) {
  const { maxConnections = 1000, connectsPerSec = 1000, connectionsPerAddress = 1000, verified = ANN } = options;
  const { node = () => "edge.test", watch = WATCHED } = options;
  const registry = createMetrics({ service: "edge", node: () => "edge.test", version: "0.0.0" });
  const hub = createHub<Session>();
  const unidentified = new Set<Session>();
  const warnings: object[] = [];
  const refused: [address: string, reason: string][] = [];
  const door = createDoor({
    edge: {
      ...{ node, limits: DEFAULT_LIMITS, heartbeatMs: 25_000, connectionsPerUser: 10 },
      ...{ metrics: createEdgeMetrics(registry), hub, unidentified },
      ...{ partitions: createPartitions(4), watch },
      log: { warn: (fields: unknown) => void warnings.push(Object(fields)), error: () => undefined },
      membership: createMembership({ hub, relays: { release: () => undefined }, entered: ALONE, leavers: [] }),
      verifier: { verify: () => (options.verifiesLater === true ? Promise.resolve(verified) : verified) },
      persisted: { forget: () => undefined },
      notes: { refused: (address, reason) => void refused.push([address, reason]) },
      control: options.control ?? OPEN_CONTROL,
      signals: { attendance: { opened: () => undefined, ended: () => undefined } },
    },
    rules: SESSION_RULES,
    originAllowed: createOriginAllowed([ORIGIN]),
    ...{ maxConnections, connectsPerSec, overload: options.overload ?? NO_OVERLOAD },
    tickets: { take: options.takeTicket ?? (() => Promise.resolve(undefined)) },
    addresses: createAddresses({ atMost: connectionsPerAddress, loopbackExempt: false }),
    clientAddress: createClientAddress(["127.0.0.1"]),
  });
  const intake = createIntake({
    ...{ limits: DEFAULT_LIMITS, authFrameBytes: 12_288, decode: createDecoder(DEFAULT_LIMITS) },
    dispatch(session, { type }) {
      session.tell(type);
      return undefined;
    },
  });
  const metric = async (sample: string): Promise<number> => {
    const { text } = await registry.render();
    const line = text.split("\n").find((each) => each.startsWith(`${sample} `));
    return Number(line?.slice(sample.length));
  };
  return { door, intake, hub, unidentified, warnings, refused, metric };
}
