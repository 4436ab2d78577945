// Who numbers what, when masters die, come back with less than they had, and change turns: the rule of publish.lua by which
// an epoch begins, on two servers, one channel, and an edge that remembers the highest epoch it was told of. A model for
// explore.ts; its clocks stand still, and the second server's is behind, which is the worst that clocks can do. All callers
// share one floor: between two of them, of which one has heard nothing of an epoch yet, only the millisecond of the
// promotion tells epochs apart.
import type { Model } from "./explore.ts";

/** What may be left out, to see that it is needed. */
export type FenceBreak = "no owner" | "owner by process" | "no floor";

interface Data {
  /** Of the partition: who wrote last, and the epoch in force. */
  readonly owner: number;
  readonly epoch: number;
  /** Of the channel. */
  readonly head: readonly [epoch: number, seq: number];
}

interface Server {
  readonly data: Data;
  /** What it finds when it starts again. */
  readonly disk: Data;
  /** Its replication id: new with each start and each promotion. */
  readonly life: number;
  /** Clients still reach it and it takes writes. A former master does until it learns that it is one no more. */
  readonly isMaster: boolean;
}

interface State {
  readonly servers: readonly [Server, Server];
  readonly floor: number;
  readonly lives: number;
  readonly left: { readonly messages: number; readonly faults: number };
  /** Positions that were given out, each as often as it was. */
  readonly given: readonly string[];
}

const EMPTY: Data = { owner: 0, epoch: 0, head: [0, 0] };
const CLOCKS = [10, 5] as const;
const BOTH = [0, 1] as const;
const other = (n: 0 | 1): 0 | 1 => (n === 0 ? 1 : 0);

const withServer = (state: State, n: 0 | 1, change: Partial<Server>): State => {
  const changed = { ...state.servers[n], ...change };
  return { ...state, servers: n === 0 ? [changed, state.servers[1]] : [state.servers[0], changed] };
};

/** What publish.lua does with one message. */
function publish(state: State, n: 0 | 1, broken: FenceBreak | undefined): State {
  const { data, life } = state.servers[n];
  const floor = broken === "no floor" ? 0 : state.floor;
  const owner = broken === "owner by process" ? n + 1 : life;
  const isOwned = broken === "no owner" ? data.epoch > 0 : data.owner === owner;
  const begins = !isOwned || data.epoch < floor;
  const epoch = begins ? Math.max(CLOCKS[n], data.epoch + 1, floor + 1) : data.epoch;
  const head = [epoch, data.head[1] + 1] as const;
  const written = withServer(state, n, { data: { owner, epoch, head } });
  return {
    ...written,
    floor: Math.max(state.floor, epoch),
    left: { ...state.left, messages: state.left.messages - 1 },
    given: [...state.given, head.join("-")].toSorted(),
  };
}

function* faults(state: State, n: 0 | 1): Iterable<readonly [string, State]> {
  const spent = { ...state, left: { ...state.left, faults: state.left.faults - 1 }, lives: state.lives + 1 };
  const name = `server ${n + 1}`;
  const { disk, isMaster } = state.servers[n];
  if (!isMaster) {
    yield [`${name} is promoted`, withServer(spent, n, { life: spent.lives, isMaster: true })];
    return;
  }
  yield [`${name} starts again`, withServer(spent, n, { life: spent.lives, data: disk })];
  yield [`${name} starts again empty`, withServer(spent, n, { life: spent.lives, data: EMPTY, disk: EMPTY })];
}

/** Up to so many messages and faults. Syncing, copying and learning who is master may happen at any time. */
export function fenceModel(messages: number, mostFaults: number, broken?: FenceBreak): Model<State> {
  const server = (isMaster: boolean, life: number): Server => ({ data: EMPTY, disk: EMPTY, life, isMaster });
  return {
    start: {
      servers: [server(true, 1), server(false, 0)],
      floor: 0,
      lives: 1,
      left: { messages, faults: mostFaults },
      given: [],
    },
    *steps(state) {
      for (const n of BOTH) {
        const { data, isMaster } = state.servers[n];
        const theOther = state.servers[other(n)];
        const name = `server ${n + 1}`;
        if (isMaster && state.left.messages > 0) yield [`${name} numbers a message`, publish(state, n, broken)];
        if (isMaster) yield [`${name} syncs`, withServer(state, n, { disk: data })];
        if (!isMaster) yield [`${name} copies`, withServer(state, n, { data: theOther.data, life: theOther.life })];
        if (isMaster && theOther.isMaster)
          yield [`${name} learns that it is a replica`, withServer(state, n, { isMaster: false })];
        if (state.left.faults > 0) yield* faults(state, n);
      }
    },
    wrong({ given }) {
      const twice = given.find((position, n) => position === given[n + 1]);
      return twice === undefined ? undefined : `two messages at ${twice}`;
    },
  };
}
