// What one look at a Redis means for a process that is to rely on it: a table of judges, one a row of the doctor's answer. Pure.
import type { RedisLook, ServerLook } from "@rookery/broker";
import { bytesText, gravest, judgeBy, ok, trouble, warning } from "./check.ts";
import type { Check, Finding, Judge } from "./check.ts";
import { judgeClock } from "./judge-clock.ts";

/** What settings ask of it; undefined where this process reads no such setting. */
export interface RedisNeeds {
  readonly ack: "fast" | "safe" | undefined;
  readonly outboxMaxBytes: number;
  readonly toleranceMs: number | undefined;
}

interface RedisFacts extends RedisNeeds {
  readonly look: RedisLook;
}

const OLDEST_MAJOR = 7;
const LEAST_PUBSUB_BYTES = 32 * 1024 * 1024;
const LEAST_SENTINELS = 3;
const ALL_SLOTS = 16_384;
/** Replicas of one master that survive one of them. */
const WANTED_REPLICAS = 2;

const unseen = (what: string, setting: string): Finding =>
  warning(
    `${what} cannot be seen: this user may not run CONFIG GET`,
    `look as an administrator: CONFIG GET ${setting}`,
  );

function version({ name, info }: ServerLook): Finding {
  const told = info.get("redis_version") ?? "of an unknown version";
  if (Number.parseInt(told, 10) >= OLDEST_MAJOR) return ok(`${name} is ${told}`);
  return trouble(`${name} is ${told}`, `upgrade it to Redis ${OLDEST_MAJOR} or newer`);
}

function eviction({ name, info }: ServerLook): Finding {
  const policy = info.get("maxmemory_policy") ?? "unknown";
  if (policy === "noeviction") return ok(`${name} evicts nothing`);
  return trouble(
    `${name} has maxmemory-policy ${policy} and may drop messages`,
    "set maxmemory-policy noeviction in redis.conf, and CONFIG SET it",
  );
}

function persistence({ name, info, config }: ServerLook): Finding {
  const failed = info.get("aof_last_write_status") === "err" || info.get("rdb_last_bgsave_status") === "err";
  if (failed) return trouble(`${name} could not write its data to disk`, "look at its log and at the room on its disk");
  if (info.get("aof_enabled") === "1") return ok(`${name} keeps an append-only file`);
  const keeps = config?.get("save") === "" ? "keeps nothing on disk" : "keeps snapshots at most";
  return warning(
    `${name} ${keeps}: its restart loses what Postgres does not have yet`,
    "set appendonly yes in redis.conf, and CONFIG SET it",
  );
}

const reachable: Judge<RedisFacts>["judge"] = ({ look }) => {
  if (look.fault !== undefined)
    return trouble(look.fault, "start Redis, or say where it is and how to enter it in ROOKERY_REDIS_URL");
  const lost = look.masters.filter(({ fault }) => fault !== undefined);
  if (lost.length > 0)
    return trouble(
      lost.map(({ name, fault = "" }) => `${name}: ${fault}`).join("; "),
      "start this master, or let INFO be run on it",
    );
  const names = look.masters.map(({ name }) => name);
  return ok(`${names.join(", ")} ${names.length === 1 ? "answers" : "answer"}`);
};

function memory({ look, outboxMaxBytes }: RedisFacts): Finding | undefined {
  const limits = answering(look).map(({ info }) => Number(info.get("maxmemory") ?? 0));
  if (limits.some((bytes) => bytes === 0))
    return warning(
      "maxmemory is not set: Redis grows until the system ends it",
      "set maxmemory to what its machine can spare; then sends are refused in good time",
    );
  const bytes = limits.reduce((sum, each) => sum + each, 0);
  const outbox = bytesText(outboxMaxBytes);
  const found = `maxmemory is ${bytesText(bytes)} in all, ROOKERY_OUTBOX_MAX_BYTES ${outbox}`;
  if (bytes <= outboxMaxBytes)
    return trouble(found, "raise maxmemory above the outbox, or lower ROOKERY_OUTBOX_MAX_BYTES");
  if (bytes < 2 * outboxMaxBytes)
    return warning(found, "raise maxmemory to twice the outbox: logs and presence need room beside it");
  return ok(found);
}

function subscribers({ name, config }: ServerLook): Finding {
  if (config === undefined) return unseen(`client-output-buffer-limit of ${name}`, "client-output-buffer-limit");
  const [, hard = "0"] = /\bpubsub (\d+)/.exec(config.get("client-output-buffer-limit") ?? "") ?? [];
  const hardBytes = Number(hard);
  const fix = "set client-output-buffer-limit pubsub 128mb 64mb 30";
  if (hardBytes === 0) return warning(`${name} lets a subscriber that does not read take all its memory`, fix);
  if (hardBytes < LEAST_PUBSUB_BYTES)
    return warning(`${name} cuts a subscriber off that is ${bytesText(hardBytes)} behind`, fix);
  return ok(`${name} cuts a subscriber off that is ${bytesText(hardBytes)} behind`);
}

/** Of interest where an ok waits for them. */
function replicas({ name, info, config }: ServerLook): Finding {
  const count = Number(info.get("connected_slaves") ?? 0);
  const fix = "give every master two replicas";
  if (count === 0)
    return trouble(`${name} has no replica, and ROOKERY_ACK=safe answers \`unknown\` to every send`, fix);
  if (count < WANTED_REPLICAS)
    return warning(`${name} has one replica: while that is away every send is \`unknown\``, fix);
  if (config === undefined) return unseen(`min-replicas-to-write of ${name}`, "min-replicas-to-write");
  if (Number(config.get("min-replicas-to-write") ?? 0) < 1)
    return warning(
      `${name} takes writes without any replica (min-replicas-to-write 0)`,
      "set min-replicas-to-write 1 and min-replicas-max-lag 10 in redis.conf",
    );
  return ok(`${name} has ${count} replicas and needs one to write`);
}

const slots: Judge<RedisFacts>["judge"] = ({ look: { slots: told } }) => {
  if (told === undefined) return undefined;
  const served = Number(told.get("cluster_slots_ok") ?? 0);
  const state = told.get("cluster_state") ?? "unknown";
  if (state === "ok" && served === ALL_SLOTS) return ok("every slot is served");
  return trouble(
    `the Cluster is ${state}, and ${served} of ${ALL_SLOTS} slots are served`,
    "start the masters that are missing, or mend it: redis-cli --cluster check",
  );
};

const sentinels: Judge<RedisFacts>["judge"] = ({ look: { sentinels: all } }) => {
  if (all.length === 0) return undefined;
  const faulty = all.filter(({ fault }) => fault !== undefined);
  if (faulty.length > 0)
    return warning(
      faulty.map(({ name, fault = "" }) => `${name}: ${fault}`).join("; "),
      "start it, or correct the hosts and the name of the group in ROOKERY_REDIS_URL",
    );
  if (all.length < LEAST_SENTINELS)
    return warning(`${all.length} named, and a vote needs a majority that survives one`, "name three or more");
  return ok(`all ${all.length} name the master`);
};

function rights({ name, lacking }: ServerLook): Finding {
  const fix = "give it the rights that docs/operating.md lists (ACL SETUSER, on every server)";
  if (lacking === undefined) return trouble(`this user may not run a script on ${name}`, fix);
  if (lacking.length === 0) return ok("this user may do what this process does");
  return trouble(`on ${name} this user may not: ${lacking.join(", ")}`, fix);
}

const answering = (look: RedisLook): readonly ServerLook[] => look.masters.filter(({ fault }) => fault === undefined);

const each =
  (judge: (server: ServerLook) => Finding): Judge<RedisFacts>["judge"] =>
  ({ look }) =>
    gravest(answering(look).map(judge));

const JUDGES: readonly Judge<RedisFacts>[] = [
  { name: "redis", judge: reachable },
  { name: "redis sentinels", judge: sentinels },
  { name: "redis cluster", judge: slots },
  { name: "redis version", judge: each(version) },
  { name: "redis eviction", judge: each(eviction) },
  { name: "redis persistence", judge: each(persistence) },
  { name: "redis memory", judge: memory },
  { name: "redis subscribers", judge: each(subscribers) },
  { name: "redis replicas", judge: (facts) => (facts.ack === "safe" ? each(replicas)(facts) : undefined) },
  { name: "redis rights", judge: each(rights) },
  {
    name: "redis clock",
    judge: ({ look, toleranceMs }) =>
      gravest(answering(look).map(({ name, clock }) => judgeClock(name, clock, toleranceMs))),
  },
];

/** Of a Redis that does not answer only that is told, and which of its Sentinels do. */
const ABOUT_THE_WAY: ReadonlySet<string> = new Set(["redis", "redis sentinels"]);

export function judgeRedis(look: RedisLook, needs: RedisNeeds): readonly Check[] {
  const judges = look.fault === undefined ? JUDGES : JUDGES.filter(({ name }) => ABOUT_THE_WAY.has(name));
  return judgeBy(judges, { look, ...needs });
}
