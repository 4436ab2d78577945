// The folder of a cluster's logs and the last lines of one, for the report of a death. Children write their files
// themselves: what they said survives this process, and a busy one never waits for it.
import { mkdir, open, readdir, rename } from "node:fs/promises";
import { join } from "node:path";

/** More than the longest run of last lines that anybody reads. */
const TAIL_BYTES = 16 * 1024;
/** A log line may carry a stack or a whole configuration. */
const LONGEST_LINE = 400;

/** Makes the folder, private to this user; logs of the run before become `<name>.log.1`, those before them go. */
export async function freshLogFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const former = (await readdir(folder)).filter((name) => name.endsWith(".log"));
  await Promise.all(former.map((name) => rename(join(folder, name), join(folder, `${name}.1`))));
}

/** At most `count` lines, oldest first; none when there is no such file. */
export async function lastLinesOf(path: string, count: number): Promise<readonly string[]> {
  const file = await open(path, "r").catch(() => undefined);
  if (file === undefined) return [];
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, from);
    const lines = buffer.subarray(0, bytesRead).toString("utf8").split("\n");
    // The first piece began somewhere in the middle of its line.
    const whole = from === 0 ? lines : lines.slice(1);
    return whole
      .filter((line) => line.trim() !== "")
      .slice(-count)
      .map(clipped);
  } finally {
    await file.close();
  }
}

function clipped(line: string): string {
  return line.length <= LONGEST_LINE ? line : `${line.slice(0, LONGEST_LINE)}...`;
}
