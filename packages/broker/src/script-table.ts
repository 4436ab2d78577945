// The Lua sources beside `src/` as a table: one row per script, with the command name under which each is known to every
// connection, what it takes and answers, and whether a full Redis runs it. Read by scripts.ts, which loads them, and by whoever
// gives or reads such lists. A test holds each row to the header of its source.

/**
 * A script as its header tells it, in order. Names that end in `..` stand for as many as there are, and several in a row
 * are given together, one of each, then again.
 */
export interface Script {
  readonly file: string;
  readonly keys: readonly string[];
  readonly args: readonly string[];
  /** The outcomes by name, or what stands at each spot of the answer. */
  readonly answers: readonly string[];
  /** A script that frees memory, or must be heard whatever happens, runs in a full Redis too. */
  readonly flags: "allow-oom" | "none";
}

export const SCRIPTS = {
  rookeryPublish: {
    file: "publish.lua",
    keys: [
      ...(["part", "outbox", "rights", "held"] as const),
      ...(["head..", "log..", "gone..", "topic..", "acts..", "acted..", "once..", "slow.."] as const),
    ],
    args: [
      ...(["deadline", "floor", "budget", "remembered", "channels"] as const),
      ...(["channel..", "version..", "pause..", "base..", "before..", "messages.."] as const),
      ...(["content..", "after.."] as const),
    ],
    answers: ["ok", "duplicate", "conflict", "late", "stale", "overloaded", "slow_mode", "cold", "broken"],
    flags: "none",
  },
  rookeryChange: {
    file: "change.lua",
    keys: [
      ...(["part", "outbox", "rights", "held", "head", "log", "gone", "topic"] as const),
      ...(["acts", "acted", "marks", "once"] as const),
    ],
    args: [
      ...(["deadline", "floor", "budget", "channel", "version", "base", "user", "kind", "before", "after"] as const),
      ...(["id", "known", "told", "counts", "last", "field", "mark", "most"] as const),
      ...(["target", "author", "ending", "removed"] as const),
    ],
    answers: ["ok", "again", "late", "stale", "overloaded", "cold", "too_many", "waits", "broken"],
    flags: "none",
  },
  rookeryFindMessage: {
    file: "find-message.lua",
    keys: ["head", "log", "acts", "marks"],
    args: ["id", "field", "from", "looks"],
    answers: ["acts", "mark", "whole", "saved", "position", "prev", "frame", "next"],
    flags: "allow-oom",
  },
  rookerySave: {
    file: "save.lua",
    keys: ["part", "outbox", "control", "shed", "held", "head..", "log..", "gone..", "acts..", "acted.."],
    args: [
      ...(["last", "bytes", "kept", "idle", "unstored", "reached", "head", "audited"] as const),
      ...(["position..", "whose..", "counted.."] as const),
    ],
    answers: ["watermark"],
    flags: "allow-oom",
  },
  rookeryCorrect: {
    file: "correct.lua",
    keys: ["part", "head", "log", "gone", "acts", "acted", "topic"],
    args: ["first", "former", "prev"],
    answers: ["told"],
    flags: "allow-oom",
  },
  rookeryLookCompared: {
    file: "look-compared.lua",
    keys: ["part", "outbox"],
    args: ["until"],
    answers: ["serving", "compared", "last", "waits"],
    flags: "allow-oom",
  },
  rookeryRaise: {
    file: "raise.lua",
    keys: ["head..", "log..", "acts..", "acted.."],
    args: ["position.."],
    answers: ["raised"],
    flags: "allow-oom",
  },
  rookeryNote: {
    file: "note.lua",
    keys: ["part", "outbox"],
    args: ["fresh", "floor", "budget", "most", "reserve", "record.."],
    answers: ["outcome", "queued", "broken"],
    flags: "none",
  },
  rookeryPulse: {
    file: "pulse.lua",
    keys: ["probe", "hash.."],
    args: ["parts", "which"],
    answers: ["now", "serving", "fields.."],
    flags: "allow-oom",
  },
  rookeryShed: {
    file: "shed.lua",
    keys: ["shed", "head", "log"],
    args: ["channel", "most", "latest", "mark"],
    answers: ["taken", "bytes", "oldest"],
    flags: "allow-oom",
  },
  rookeryExpire: {
    file: "expire.lua",
    keys: ["head", "log", "gone", "acts", "acted"],
    args: ["before", "most"],
    answers: ["taken"],
    flags: "allow-oom",
  },
  rookeryForgetChannel: {
    file: "forget-channel.lua",
    keys: ["head", "log", "gone", "acts", "acted", "read", "activity", "senders", "access", "shed"],
    args: ["channel"],
    answers: ["forgotten"],
    flags: "allow-oom",
  },
  rookeryClaim: { file: "claim.lua", keys: ["fact"], args: ["claimed"], answers: ["fact"], flags: "allow-oom" },
  rookeryLease: {
    file: "lease.lua",
    keys: ["lease"],
    args: ["record", "living"],
    answers: ["renewed"],
    flags: "allow-oom",
  },
  rookeryCondemn: {
    file: "condemn.lua",
    keys: ["lease"],
    args: ["kept"],
    answers: ["condemned"],
    flags: "allow-oom",
  },
  rookeryOrderDrain: { file: "order-drain.lua", keys: ["lease"], args: [], answers: ["told"], flags: "allow-oom" },
  rookeryEnlist: {
    file: "enlist.lua",
    keys: ["nodes"],
    args: ["node", "record"],
    answers: ["done"],
    flags: "allow-oom",
  },
  rookeryHoldOffice: {
    file: "hold-office.lua",
    keys: ["office"],
    args: ["node", "held"],
    answers: ["holds"],
    flags: "allow-oom",
  },
  rookeryLookForDead: {
    file: "look-for-dead.lua",
    keys: ["office", "nodes", "lease.."],
    args: ["node", "held"],
    answers: ["serving", "holds", "lease..", "node.."],
    flags: "allow-oom",
  },
  rookeryLookAtLease: {
    file: "look-at-lease.lua",
    keys: ["lease"],
    args: [],
    answers: ["serving", "lease"],
    flags: "allow-oom",
  },
  rookeryWeigh: {
    file: "weigh.lua",
    keys: ["part"],
    args: ["limit", "short", "over", "envelopes"],
    answers: ["known"],
    flags: "allow-oom",
  },
  rookerySurvey: {
    file: "survey.lua",
    keys: ["office", "nodes", "part.."],
    args: ["node", "held"],
    answers: ["in..", "out..", "limit..", "short..", "over..", "envelopes..", "record.."],
    flags: "allow-oom",
  },
  rookeryOpenLease: {
    file: "open-lease.lua",
    keys: ["leases..", "lease.."],
    args: ["deadline", "node"],
    answers: ["now", "outcome", "serving"],
    flags: "allow-oom",
  },
  rookeryAttend: {
    file: "attend.lua",
    keys: ["lease", "busy", "here..", "who..", "crowd..", "hereon..", "topic.."],
    args: [
      ...(["deadline", "known", "back", "kept", "loud"] as const),
      ...(["channel..", "version..", "digest..", "count..", "users.."] as const),
      ...(["user..", "connections..", "name..", "exclude.."] as const),
    ],
    answers: ["now", "outcome", "serving", "online..", "mode.."],
    flags: "allow-oom",
  },
  rookerySessions: {
    file: "sessions.lua",
    keys: ["lease", "seen", "users", "sess.."],
    args: ["deadline", "known", "node", "cap", "user..", "session..", "record.."],
    answers: ["now", "outcome", "serving", "whose..", "which.."],
    flags: "allow-oom",
  },
  rookeryReap: {
    file: "reap.lua",
    keys: ["lease", "busy", "here..", "who..", "crowd..", "hereon..", "topic.."],
    args: ["most", "loud", "back", "kept", "channel.."],
    answers: ["taken"],
    flags: "allow-oom",
  },
  rookeryReapSessions: {
    file: "reap-sessions.lua",
    keys: ["lease", "seen", "users", "sess.."],
    args: ["node", "user.."],
    answers: ["taken"],
    flags: "allow-oom",
  },
  rookeryCloseLease: {
    file: "close-lease.lua",
    keys: ["leases", "lease"],
    args: ["node"],
    answers: ["closed"],
    flags: "allow-oom",
  },
  rookeryRegulate: {
    file: "regulate.lua",
    keys: ["here", "crowd", "topic"],
    args: ["version", "rules", "back", "kept"],
    answers: ["online", "mode"],
    flags: "allow-oom",
  },
  rookeryListPresent: {
    file: "list-present.lua",
    keys: ["here", "who", "crowd"],
    args: ["after", "limit"],
    answers: ["online", "mode", "user..", "held.."],
    flags: "allow-oom",
  },
  rookeryReadLog: {
    file: "read-log.lua",
    keys: ["head", "part", "log", "gone", "acts"],
    args: ["direction", "position", "frames", "bytes", "whole", "looks", "which", "beyond"],
    answers: ["epoch", "seq", "saved", "corrected", "born", "start", "why", "entries"],
    flags: "allow-oom",
  },
  rookeryRead: {
    file: "read.lua",
    keys: ["head", "read", "unread", "here", "topic"],
    args: ["channel", "user", "position", "followed", "known", "connections", "session", "frame", "kept"],
    answers: ["outcome", "read", "heard", "epoch", "seq", "saved"],
    flags: "none",
  },
  rookeryNoteReads: {
    file: "note-reads.lua",
    keys: ["read"],
    args: ["kept", "user..", "position.."],
    answers: ["noted"],
    flags: "none",
  },
  rookeryTakings: {
    file: "takings.lua",
    keys: ["hash.."],
    args: ["most"],
    answers: ["fields.."],
    flags: "allow-oom",
  },
  rookeryForgetTaken: {
    file: "forget-taken.lua",
    keys: ["hash"],
    args: ["field..", "value.."],
    answers: ["taken"],
    flags: "allow-oom",
  },
  rookeryNoteActivity: {
    file: "note-activity.lua",
    keys: ["act..", "senders.."],
    args: ["kept", "most", "tens..", "messages..", "users..", "user..", "at.."],
    answers: ["noted"],
    flags: "none",
  },
  rookeryReadActivity: {
    file: "read-activity.lua",
    keys: ["act", "senders"],
    args: [],
    answers: ["messages..", "senders.."],
    flags: "allow-oom",
  },
  rookeryReadActs: {
    file: "read-acts.lua",
    keys: ["acts"],
    args: ["bytes", "id.."],
    answers: ["known", "texts"],
    flags: "allow-oom",
  },
  rookeryAnnounce: {
    file: "announce.lua",
    keys: ["part", "outbox", "rights", "controls", "control", "told..", "access.."],
    args: [
      ...(["control", "floor", "fresh", "audit", "logged", "kept"] as const),
      ...(["channel", "version", "most", "record", "forgets", "user..", "entry.."] as const),
    ],
    answers: ["outcome", "number", "broken"],
    flags: "allow-oom",
  },
  rookeryReadGlobal: {
    file: "read-global.lua",
    keys: ["rights"],
    args: [],
    answers: ["version", "now"],
    flags: "allow-oom",
  },
  rookeryReadAccess: {
    file: "read-access.lua",
    keys: ["rights..", "access.."],
    args: ["kept", "channel..", "users..", "user.."],
    answers: ["serving", "known.."],
    flags: "allow-oom",
  },
  rookeryFillAccess: {
    file: "fill-access.lua",
    keys: ["rights", "access"],
    args: ["asked", "kept", "most", "channel", "version", "record", "whole", "user..", "entry.."],
    answers: ["outcome", "serving"],
    flags: "none",
  },
  rookeryTakeTry: {
    file: "take-try.lua",
    keys: ["tries.."],
    args: ["most", "window", "back"],
    answers: ["wait"],
    flags: "allow-oom",
  },
  rookeryNoteGone: {
    file: "note-gone.lua",
    keys: ["gone"],
    args: ["node", "kept"],
    answers: ["noted"],
    flags: "allow-oom",
  },
  rookeryConfirm: {
    file: "confirm.lua",
    keys: ["confirmed", "receipt"],
    args: ["node", "number", "closed", "kept"],
    answers: ["confirmed"],
    flags: "allow-oom",
  },
} as const satisfies Record<string, Script>;

export type ScriptName = keyof typeof SCRIPTS;
