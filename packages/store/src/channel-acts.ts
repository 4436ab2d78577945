// Carries out the acts of rights-changes.ts: each is one statement, whose function of the database judges and writes. Called
// by the api and, for who has shown a channel's password, by the edge. Must never judge by itself: what it read would be old.
import type { ChannelChange, Control } from "@rookery/protocol";
import type { ChannelRow } from "./channels.ts";
import type { Parameter, Store, Subject } from "./connect.ts";
import type {
  Actor,
  ChannelAct,
  ChannelActs,
  ChannelOutcome,
  Done,
  MadeOutcome,
  Refusal,
  SanctionGiven,
  Unchanged,
  WantedChannel,
} from "./rights-changes.ts";
import { loadStatement } from "./statement.ts";
import type { Statement } from "./statement.ts";

/** As the functions of migration 0012 answer: `message` with a refusal, the rest with what was done. */
export interface ActRow<Change extends Control> {
  readonly outcome: "done" | "unchanged" | Refusal["code"];
  readonly message: string;
  readonly change: Change;
  readonly announcement: number;
  readonly audit: string;
  readonly channel: ChannelRow;
}

const ROLE = loadStatement("act-role");
const BAN = loadStatement("act-ban");
const MUTE = loadStatement("act-mute");
const KICK = loadStatement("act-kick");
const ADMIT = loadStatement("act-admit");
const CREATE = loadStatement("act-create");
const CREATE_DIRECT = loadStatement("act-create-direct");
const CHANGE = loadStatement("act-change");
const DELETE = loadStatement("act-delete");

export function createChannelActs(store: Store): ChannelActs {
  const ask = (statement: Statement, parameters: Parameter[]): Promise<ActRow<ChannelChange>> =>
    askAct<ChannelChange>(store, "channels", statement, parameters);
  const act = async (statement: Statement, parameters: Parameter[]): Promise<ChannelOutcome> =>
    outcomeOf(await ask(statement, parameters));
  const make = async (statement: Statement, parameters: Parameter[]): Promise<MadeOutcome> => {
    const row = await ask(statement, parameters);
    const outcome = outcomeOf(row);
    return outcome.kind === "refused" ? outcome : { ...outcome, row: row.channel };
  };

  return {
    create: ({ wanted, ...given }) =>
      wanted.kind === "direct"
        ? make(CREATE_DIRECT, [...whoAndWhere(given), ...wanted.users])
        : make(CREATE, [...whoAndWhere(given), ...whatIsWanted(wanted)]),
    setRole: ({ user, role, ...given }) => act(ROLE, [...whoAndWhere(given), user, role]),
    ban: ({ user, ban, ...given }) => act(BAN, [...whoAndWhere(given), user, ...sanctionOf(ban)]),
    mute: ({ user, mute, ...given }) => act(MUTE, [...whoAndWhere(given), user, ...sanctionOf(mute)]),
    kick: ({ user, reason, ...given }) => act(KICK, [...whoAndWhere(given), user, reason]),
    admit: ({ user, passwordHash, channel, partition }) => act(ADMIT, [channel, partition, user, passwordHash]),
    change: ({ given: change, defaults, ...given }) =>
      make(CHANGE, [
        ...whoAndWhere(given),
        JSON.stringify(change),
        defaults?.digestAbove ?? null,
        defaults?.countAbove ?? null,
      ]),
    delete: (given) => act(DELETE, whoAndWhere(given)),
  };
}

/** A function answers one row, whatever becomes of the act. Throws ChatError `unavailable`, or `unknown` without an answer. */
export async function askAct<Change extends Control>(
  store: Store,
  subject: Subject,
  statement: Statement,
  parameters: readonly Parameter[],
): Promise<ActRow<Change>> {
  const [row] = await store.act<ActRow<Change>>(subject, statement, parameters);
  if (row === undefined) throw new Error("an act has no outcome");
  return row;
}

export function outcomeOf<Change extends Control>(row: ActRow<Change>): Done<Change> | Unchanged | Refusal {
  const { outcome, message, change, announcement, audit } = row;
  if (outcome === "done") return { kind: "done", change, announcement, audit };
  return outcome === "unchanged" ? { kind: "unchanged" } : { kind: "refused", code: outcome, message };
}

/** The parameters with which every act begins that has an actor. */
export function actorOf(actor: Actor): [string, boolean] {
  return actor.kind === "key" ? [actor.name, true] : [actor.user, false];
}

/** Whether it is lifted, until when it is in force, and why. */
export function sanctionOf(given: SanctionGiven | null): [boolean, number | null, string | null] {
  return given === null ? [true, null, null] : [false, given.untilMs, given.reason];
}

function whoAndWhere({ actor, channel, partition }: ChannelAct): Parameter[] {
  return [...actorOf(actor), channel, partition];
}

function whatIsWanted({ kind, owner, given }: Exclude<WantedChannel, { kind: "direct" }>): Parameter[] {
  return [kind, owner, JSON.stringify(given)];
}
