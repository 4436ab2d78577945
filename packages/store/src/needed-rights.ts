// What each kind of process does in Postgres' tables, as rights that Postgres can be asked about. Asked by postgres-look.ts. Pure.

/** A process that asks Postgres for something. */
export type PostgresUser = "edge" | "api" | "persister";

interface NeededRight {
  readonly table_name: string;
  readonly right_name: string;
}

const EVERYBODY = ["select: cluster_settings redis_lives", "insert: cluster_settings"];

// Rights, and the tables on which they are needed.
const OWN: Readonly<Record<PostgresUser, readonly string[]>> = {
  edge: [
    "select: messages reactions mentions read_positions outbox_positions dead_letters channels members announcements",
    "select: bans mutes user_bans revocations global_rights",
    "insert: channels members announcements",
    "update: channels members",
    "delete: announcements",
  ],
  api: [
    "select: messages reactions mentions outbox_positions dead_letters audit_log users channels user_bans global_rights",
    "select: api_keys members bans mutes announcements revocations refresh_tokens",
    "insert: channels user_bans api_keys members bans mutes announcements revocations refresh_tokens",
    "update: channels user_bans global_rights api_keys members bans mutes announcements revocations refresh_tokens",
    "delete: members bans mutes announcements revocations refresh_tokens",
  ],
  persister: [
    "select: messages reactions mentions read_positions dead_letters quarantine outbox_positions users audit_log",
    "select: channels members bans mutes",
    "insert: messages reactions mentions read_positions dead_letters quarantine outbox_positions users audit_log redis_lives",
    "update: messages reactions mentions read_positions dead_letters quarantine outbox_positions users redis_lives",
    "update: channels members bans mutes",
    "delete: messages reactions mentions read_positions dead_letters quarantine redis_lives members bans mutes",
  ],
};

export function neededRights(user: PostgresUser): readonly NeededRight[] {
  return [...EVERYBODY, ...OWN[user]].flatMap((line) => {
    const [right_name = "", tables = ""] = line.split(": ");
    return tables.split(" ").map((table_name) => ({ table_name, right_name }));
  });
}
