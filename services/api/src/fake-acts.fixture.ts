// Acts on rights without a database: each is done, and noted with what it was given, unless the test has it refused. What
// they are judged by is the database's, and tested there. Only tests use it.
import type { Receipt } from "@rookery/broker";
import type { Control, GlobalChange, Revocation } from "@rookery/protocol";
import { ChatError } from "@rookery/protocol";
import type {
  ChannelActs,
  ChannelGiven,
  ChannelOutcome,
  Done,
  GlobalRights,
  MadeOutcome,
  Refusal,
  SanctionGiven,
  SanctionRow,
} from "@rookery/store";
import type { ApiContext } from "./context.ts";
import { createEnforcement } from "./enforce.ts";
import type { FakeChannels } from "./fake-channels.fixture.ts";

export const RECEIPT: Receipt = { nodes: { confirmed: 1, expected: 1, missing: [] }, sessionsClosed: 2, ms: 3 };

export interface Announced {
  readonly partition: number;
  readonly control: Control;
  readonly audit: string;
}

export interface FakeActs extends Pick<ApiContext, "acts" | "globals" | "sanctions" | "enforcement"> {
  /** Name of the act and what it was given, in order. */
  readonly acted: (readonly [string, object])[];
  readonly announced: Announced[];
  readonly sanctionRows: Map<string, SanctionRow>;
  refuseNext(this: void, code: Refusal["code"], message: string): void;
  /** Redis answers no more, or again. */
  away(this: void, isAway: boolean): void;
}

export function fakeActs(channels: FakeChannels): FakeActs {
  const acted: (readonly [string, object])[] = [];
  const announced: Announced[] = [];
  const sanctionRows = new Map<string, SanctionRow>();
  let refusal: Refusal | undefined;
  let isAway = false;

  function take<Outcome>(name: string, given: object, outcome: () => Outcome): Promise<Outcome | Refusal> {
    acted.push([name, given]);
    const refused = refusal;
    refusal = undefined;
    return Promise.resolve(refused ?? outcome());
  }
  const act = (name: string, given: { readonly channel: string }): Promise<ChannelOutcome> =>
    take(name, given, () => doneIn(given.channel));
  const sanction = (kind: string, user: string, channel: string, given: SanctionGiven | null): void => {
    const key = [kind, channel, user].join(" ");
    if (given === null) sanctionRows.delete(key);
    else sanctionRows.set(key, { user, channel, ...given, by: "olga", at: 7 });
  };

  const acts: ChannelActs = {
    create: (given) =>
      take("create", given, (): MadeOutcome => {
        const { channel: id, wanted } = given;
        const known = channels.rows.get(id);
        if (wanted.kind === "direct") {
          const row = known ?? channels.add({ id, kind: "direct", owner: wanted.users[0] });
          return known === undefined ? { ...doneIn(id), row } : { kind: "unchanged", row };
        }
        if (known !== undefined)
          return { kind: "refused", code: "conflict", message: "there is a channel with this id" };
        return {
          ...doneIn(id),
          row: channels.add({ id, kind: wanted.kind, owner: wanted.owner, ...set(wanted.given) }),
        };
      }),
    change: (given) =>
      take("change", given, (): MadeOutcome => {
        const row = channels.rows.get(given.channel);
        if (row === undefined) return { kind: "refused", code: "not_found", message: "no such channel" };
        const after = { ...row, ...set(given.given) };
        const isSame = given.given.passwordHash === undefined && JSON.stringify(after) === JSON.stringify(row);
        if (isSame) return { kind: "unchanged", row };
        return { ...doneIn(row.id), row: channels.add({ ...after, settingsVersion: row.settingsVersion + 1 }) };
      }),
    delete: (given) => act("delete", given),
    setRole: (given) => act("setRole", given),
    ban(given) {
      sanction("ban", given.user, given.channel, given.ban);
      return act("ban", given);
    },
    mute(given) {
      sanction("mute", given.user, given.channel, given.mute);
      return act("mute", given);
    },
    kick: (given) => act("kick", given),
    admit: (given) => act("admit", given),
  };
  return {
    ...{ acts, acted, announced, sanctionRows },
    globals: fakeGlobals(acted, sanction),
    sanctions: {
      list: async (kind, channel, after = "", limit) =>
        [...sanctionRows]
          .filter(([key, { user }]) => key.startsWith(`${kind} ${channel} `) && user > after)
          .map(([, row]) => row)
          .slice(0, limit),
      find: async (kind, channel, user) => sanctionRows.get([kind, channel, user].join(" ")),
      findEverywhere: async (user) => sanctionRows.get(["ban", "", user].join(" ")),
    },
    enforcement: fakeEnforcement(announced, () => isAway),
    refuseNext: (code, message) => void (refusal = { kind: "refused", code, message }),
    away: (now) => void (isAway = now),
  };
}

function fakeEnforcement(announced: Announced[], isAway: () => boolean): FakeActs["enforcement"] {
  return createEnforcement({
    announcer: {
      async announce(partition, control, audit) {
        if (isAway()) throw new ChatError("unavailable", "away");
        announced.push({ partition, control, audit });
        return { epoch: 1, number: announced.length };
      },
    },
    announcements: { done: () => Promise.resolve() },
    receipts: { gather: () => Promise.resolve(RECEIPT) },
    nodes: () => (isAway() ? Promise.reject(new ChatError("unavailable", "away")) : Promise.resolve([])),
    trouble: () => undefined,
    onUnheard: () => undefined,
  });
}

type Sanctioning = (kind: string, user: string, channel: string, given: SanctionGiven | null) => void;

function fakeGlobals(acted: FakeActs["acted"], sanction: Sanctioning): Pick<GlobalRights, "ban" | "revoke"> {
  const done = (revocation: Revocation | null): Done<GlobalChange> => ({
    kind: "done",
    change: { kind: "global", version: acted.length, ban: null, revocation },
    announcement: 1,
    audit: "{}",
  });
  return {
    async ban(actor, user, ban) {
      acted.push(["banEverywhere", { actor, user, ban }]);
      sanction("ban", user, "", ban);
      return done(null);
    },
    async revoke(actor, revocation) {
      acted.push(["revoke", { actor, revocation }]);
      return done(revocation);
    },
  };
}

function doneIn(channel: string): Done<Extract<Control, { kind: "channel" }>> {
  const record = { version: 1, kind: "public", owner: "", slowModeSec: 0, memberCap: null, deleted: false } as const;
  const change = { kind: "channel", channel, record, entries: [], forgets: false, removal: null } as const;
  return { kind: "done", change: { ...change, entries: [] }, announcement: 1, audit: '{"kind":"ban"}' };
}

/** What was given, without what was not and without what is no column. */
function set({ evict: _evict, passwordHash, ...given }: ChannelGiven): object {
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(named), ...(passwordHash === undefined ? {} : { hasPassword: true }) };
}
