// Owns the end of a run: everything healed, nothing waits for Postgres, everybody has what is there. Called by run.ts.
// Must never give up a run that does not become quiet: what is missing then is the checker's to tell.
import { appendFile } from "node:fs/promises";
import { comparePositions, readRows } from "@rookery/testkit";
import type { ChatClient, Row } from "@rookery/testkit";
import { setTimeout as delay } from "node:timers/promises";
import type { World } from "./world.ts";

/** Above every bound that is promised for anything to arrive. */
const QUIET_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 250;

/** Resolves to the rows of the channels, and whether it became quiet. */
export async function awaitQuiet(
  world: World,
  channels: readonly string[],
  clients: readonly ChatClient[],
): Promise<{ rows: Row[]; isQuiet: boolean }> {
  const untilMs = performance.now() + QUIET_WITHIN_MS;
  for (;;) {
    const isDrained = (await waitingEntries(world)) === 0;
    const rows = (await Promise.all(channels.map((channel) => readRows(world.sql, channel)))).flat();
    const isQuiet = isDrained && clients.every((client) => hasAll(client, channels, rows));
    if (isQuiet || performance.now() > untilMs) return { rows, isQuiet };
    await delay(LOOK_EVERY_MS);
  }
}

/** Whether a client stands where Postgres does, in each channel that it is in. */
function hasAll(client: ChatClient, channels: readonly string[], rows: readonly Row[]): boolean {
  return channels.every((channel) => {
    const { wanted, openGaps, held } = client.channel(channel);
    if (!wanted) return true;
    const last = rows.findLast((row) => row.channel === channel);
    const own = client.inOrder(channel).at(-1);
    if (last === undefined) return own === undefined;
    return openGaps.length === 0 && held === undefined && own !== undefined && comparePositions(own, last) === 0;
  });
}

async function waitingEntries({ redis }: World): Promise<number> {
  const lengths = await Promise.all(
    (await redis.masters()).map(async ({ admin }) => {
      const keys = await admin.keys("{*}:outbox");
      return Promise.all(keys.map((key) => admin.xlen(key)));
    }),
  );
  return lengths.flat().reduce((sum, length) => sum + length, 0);
}

/** Keeps the full read of Postgres beside the histories. */
export const keepRows = (file: string, rows: readonly Row[]): Promise<void> =>
  appendFile(file, rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
