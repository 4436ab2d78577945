// What the process may use of its machine: memory and open files. Asked by main, once for the limits and then each second for
// how much of the memory is used. It judges nothing.

import { readFileSync } from "node:fs";
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";

/** What an edge opens beside its sockets: stores, logs, the internal port. */
const FILES_BESIDE_SOCKETS = 256;

/** `0`: what its container may have, or the machine. */
export function memoryLimitBytes(settingBytes: number): number {
  if (settingBytes > 0) return settingBytes;
  const constrainedBytes = process.constrainedMemory();
  const machineBytes = totalmem();
  return constrainedBytes > 0 ? Math.min(constrainedBytes, machineBytes) : machineBytes;
}

/**
 * Of the limit by what is resident, buffers of sockets too, or of V8's own limit by its heap, whichever is nearer: beyond
 * either the process is ended from outside or by itself.
 */
export function memoryShare(limitBytes: number): number {
  const { used_heap_size: heapBytes, heap_size_limit: heapLimitBytes } = getHeapStatistics();
  return Math.max(process.memoryUsage.rss() / limitBytes, heapBytes / heapLimitBytes);
}

/** How many sockets the limit of open files leaves room for; without end where nobody says. */
export function socketsByFiles(limits: string = readLimits()): number {
  const [, soft = ""] = /^Max open files\s+(\S+)/m.exec(limits) ?? [];
  const files = Number(soft);
  return Number.isInteger(files) && files > 0 ? Math.max(1, files - FILES_BESIDE_SOCKETS) : Number.POSITIVE_INFINITY;
}

function readLimits(): string {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    // No such file outside Linux.
    return "";
  }
}
