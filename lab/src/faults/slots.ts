// Faults of a Cluster that is being rearranged: slots that move under load. Rows of the table in all-faults.ts.
import { setTimeout as delay } from "node:timers/promises";
import type { Bite, Fault, Scene } from "../fault.ts";
import type { RedisMember } from "../redis-side.ts";

const SLOTS_A_ROUND = 3;
const KEYS_AT_ONCE = 20;
const MIGRATE_WITHIN_MS = 5_000;
/** Between two steps, so that sends meet a slot whose keys are here and there. */
const STEP_MS = 30;

const idOf = async ({ admin }: RedisMember): Promise<string> => String(await admin.call("CLUSTER", "MYID"));

/** As redis-cli moves a slot: https://redis.io/docs/latest/commands/cluster-setslot/ */
async function moveSlot(
  masters: readonly RedisMember[],
  slot: number,
  from: RedisMember,
  to: RedisMember,
): Promise<void> {
  const [fromId, toId] = [await idOf(from), await idOf(to)];
  const { hostname, port } = new URL(to.url);
  await to.admin.call("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
  await from.admin.call("CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
  for (;;) {
    const keys = await from.admin.call("CLUSTER", "GETKEYSINSLOT", slot, KEYS_AT_ONCE);
    if (!Array.isArray(keys) || keys.length === 0) break;
    await from.admin.call("MIGRATE", hostname, port, "", 0, MIGRATE_WITHIN_MS, "KEYS", ...keys.map(String));
    await delay(STEP_MS);
  }
  const others = masters.filter((one) => one !== from && one !== to);
  for (const { admin } of [to, from, ...others]) await admin.call("CLUSTER", "SETSLOT", slot, "NODE", toId);
}

/** Of partitions in which something was said. */
async function moveSlots({ world: { redis }, random, note }: Scene): Promise<number> {
  for (let moved = 0; moved < SLOTS_A_ROUND; moved += 1) {
    const masters = await redis.masters();
    const owned = await Promise.all(
      masters.map(async (member) => ({ member, keys: await member.admin.keys("{*}:head:*") })),
    );
    const { member: from, keys } = random.pick(owned.filter((one) => one.keys.length > 0));
    const to = random.pick(masters.filter((one) => one !== from));
    const slot = Number(await from.admin.call("CLUSTER", "KEYSLOT", random.pick(keys)));
    await moveSlot(masters, slot, from, to);
    note("slots moved");
    await delay(random.below(1_000));
  }
  return SLOTS_A_ROUND;
}

const MOVED: Bite = { what: "slots moved", count: ({ noted }) => noted("slots moved"), least: SLOTS_A_ROUND };

export const slotFaults: readonly Fault[] = [
  {
    name: "slot-moved",
    attacks: "A2 A3 A5",
    does: "moves slots with their channels to another master, key by key under load",
    topologies: ["cluster"],
    touches: ["redis"],
    rounds: 1,
    least: SLOTS_A_ROUND,
    inject: moveSlots,
    connections: "kept",
    bites: [MOVED, { what: "unknown or refused", count: ({ unknown, refused }) => unknown + refused }],
  },
];
