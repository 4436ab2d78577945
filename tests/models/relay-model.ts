// One channel, one edge: messages are numbered and announced on a line that loses what it likes, a failover takes some back,
// and the edge's relay position, the product's own, is fed, shown heads and answered at any moment in between. A model for
// explore.ts. A relay's state is what it was told, so two states are the same where it was told the same.
import { createRelayPosition } from "@rookery/broker";
import type { HealingRead, RelayAction, RelayPosition } from "@rookery/broker";
import { comparePositions, ORIGIN, samePosition } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import type { Model } from "./explore.ts";

/** What may be left out, to see that it is needed. */
export type RelayBreak = "no hole check" | "no pulse" | "nothing taken back";

interface Frame {
  readonly position: Position;
  readonly prev: Position;
}

type Told =
  | { readonly kind: "feed"; readonly frame: Frame }
  | { readonly kind: "head"; readonly head: Position }
  /** What the log held when it was read. */
  | { readonly kind: "answer"; readonly log: readonly Frame[] };

interface State {
  readonly log: readonly Frame[];
  readonly epoch: number;
  readonly wire: readonly Frame[];
  readonly told: readonly Told[];
  /** The log as a reading under way has found it. */
  readonly found: readonly Frame[] | null;
  readonly left: { readonly messages: number; readonly failovers: number; readonly heads: number };
}

interface Seen {
  /** Where the client stands, and what it holds for the channel. */
  readonly at: Position;
  readonly view: readonly Position[];
  readonly gaps: readonly { readonly after: Position; readonly to: Position }[];
  readonly wrong: string | undefined;
}

const LIMITS = { heldEnvelopes: 10, heldBytes: 1_000 };
const HELD_FRAME = Buffer.from("x");
const headOf = (log: readonly Frame[]): Position => log.at(-1)?.position ?? ORIGIN;
const text = ({ epoch, seq }: Position): string => `${epoch}-${seq}`;

/** History's answer from a log that holds everything. */
function readingOf(log: readonly Frame[], after: Position): HealingRead {
  const rest = log.filter(({ position }) => comparePositions(position, after) > 0);
  const [first] = rest;
  const recovered = first === undefined ? samePosition(after, headOf(log)) : samePosition(first.prev, after);
  const back = first !== undefined && comparePositions(first.prev, after) < 0 ? { stepsBackTo: first.prev } : {};
  const frames = rest.map(({ position, prev }) => ({
    position,
    frame: "x",
    ...(prev.epoch === position.epoch || samePosition(prev, ORIGIN) ? {} : { prev }),
  }));
  return { frames, more: false, recovered, head: headOf(log), ...back };
}

/** Follows what a relay says, as a client would. */
function see(seen: Seen, actions: readonly RelayAction[]): Seen {
  let { at, view, gaps, wrong } = seen;
  for (const action of actions) {
    if (action.kind === "gap" && action.lost) {
      const back = { epoch: action.from.epoch, seq: action.from.seq - 1 };
      view = view.filter((one) => comparePositions(one, back) <= 0);
      gaps = gaps.filter(({ after }) => comparePositions(after, back) < 0);
      at = back;
    } else if (action.kind === "gap") {
      gaps = [...gaps, { after: at, to: action.to }];
      at = action.to;
    } else if (action.kind === "deliver") {
      if (comparePositions(action.position, at) <= 0) wrong ??= `${text(action.position)} comes after ${text(at)}`;
      view = [...view, action.position];
      at = action.position;
    }
  }
  return { at, view, gaps, wrong };
}

/** A relay that has been told all that, and what its client has seen. */
function replay(told: readonly Told[], broken: RelayBreak | undefined): { relay: RelayPosition; seen: Seen } {
  const relay = createRelayPosition(ORIGIN, LIMITS);
  let seen: Seen = { at: ORIGIN, view: [], gaps: [], wrong: undefined };
  for (const each of told) seen = see(seen, actionsOf(relay, each, broken));
  return { relay, seen };
}

function actionsOf(relay: RelayPosition, told: Told, broken: RelayBreak | undefined): readonly RelayAction[] {
  if (told.kind === "head") return broken === "no pulse" ? [] : relay.head(told.head);
  if (told.kind === "feed") {
    const { position, prev } = told.frame;
    const before = broken === "no hole check" ? relay.position : prev;
    const actions = relay.feed({ kind: "sequenced", exclude: "", position, prev: before, frame: HELD_FRAME });
    return broken === "nothing taken back" ? actions.filter((each) => each.kind !== "gap") : actions;
  }
  return relay.healed(readingOf(told.log, relay.position));
}

/** What is on the line is lost, the head is shown, what is asked is answered: what a client has to have then. */
function settled(state: State, broken: RelayBreak | undefined): { seen: Seen; isLive: boolean } {
  const told = [...state.told];
  if (state.found !== null) told.push({ kind: "answer", log: state.found });
  told.push({ kind: "head", head: headOf(state.log) });
  for (let round = 0; round < 3; round += 1) told.push({ kind: "answer", log: state.log });
  const { relay, seen } = replay(told, broken);
  return { seen, isLive: relay.state === "live" };
}

function* numbering(state: State): Iterable<readonly [string, State]> {
  const { log, wire, left } = state;
  const prev = headOf(log);
  const frame = { position: { epoch: state.epoch, seq: prev.seq + 1 }, prev };
  const after = { ...state, log: [...log, frame], left: { ...left, messages: left.messages - 1 } };
  yield [`${text(frame.position)} is announced`, { ...after, wire: [...wire, frame] }];
  yield [`${text(frame.position)} is lost on the way`, after];
}

/** Its last words, without which nobody can know what a failover has taken: the new master has numbered something. */
function* failovers(state: State): Iterable<readonly [string, State]> {
  const { log, left } = state;
  for (let kept = log.length; kept >= 0; kept -= 1) {
    const epoch = state.epoch + 1;
    const prev = headOf(log.slice(0, kept));
    const frame = { position: { epoch, seq: prev.seq + 1 }, prev };
    const after = { ...state, epoch, log: [...log.slice(0, kept), frame] };
    const spent = { ...after, left: { ...left, failovers: left.failovers - 1 } };
    yield [
      `a failover leaves ${kept}, and ${text(frame.position)} is announced`,
      { ...spent, wire: [...state.wire, frame] },
    ];
    yield [`a failover leaves ${kept}, and ${text(frame.position)} is lost on the way`, spent];
  }
}

export function relayModel(left: State["left"], broken?: RelayBreak): Model<State> {
  return {
    start: { log: [], epoch: 1, wire: [], told: [], found: null, left },
    *steps(state) {
      const { log, wire, told, found } = state;
      if (state.left.messages > 0) yield* numbering(state);
      if (state.left.failovers > 0) yield* failovers(state);
      const [next, ...rest] = wire;
      if (next !== undefined)
        yield [
          `${text(next.position)} arrives`,
          { ...state, wire: rest, told: [...told, { kind: "feed", frame: next }] },
        ];
      if (state.left.heads > 0 && log.length > 0) {
        const shown = { ...state, left: { ...state.left, heads: state.left.heads - 1 } };
        const head = headOf(log);
        yield [`the pulse shows ${text(head)}`, { ...shown, told: [...told, { kind: "head", head }] }];
      }
      if (found !== null)
        yield ["the reading is answered", { ...state, found: null, told: [...told, { kind: "answer", log: found }] }];
      else if (replay(told, broken).relay.state === "healing") yield ["the log is read", { ...state, found: log }];
    },
    wrong(state) {
      const { seen, isLive } = settled(state, broken);
      if (seen.wrong !== undefined) return seen.wrong;
      if (!isLive) return "the relay never comes to rest";
      const isTold = ({ position }: Frame): boolean =>
        seen.view.some((one) => samePosition(one, position)) ||
        seen.gaps.some(({ after, to }) => comparePositions(position, after) > 0 && comparePositions(position, to) <= 0);
      const missing = state.log.find((frame) => !isTold(frame));
      if (missing !== undefined) return `${text(missing.position)} is neither delivered nor told as a gap`;
      const ghost = seen.view.find((one) => !state.log.some(({ position }) => samePosition(one, position)));
      return ghost === undefined ? undefined : `${text(ghost)} was taken back, and the client is not told`;
    },
  };
}
