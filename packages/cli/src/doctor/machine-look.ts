// One look at this machine for a process that is to run on it: ports, limits, the kernel, memory and disk. It judges nothing, and
// what a system does not tell stays undefined: most of it is Linux' alone.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";
import { listenFault } from "@rookery/runtime";
import { processEntry } from "../process-table.ts";
import type { FileLimits, MachineLook, PortLook } from "./judge-machine.ts";

export interface WantedPort {
  readonly setting: string;
  readonly host: string;
  readonly port: number;
}

export async function lookAtMachine(ports: readonly WantedPort[], folder: string): Promise<MachineLook> {
  const disk = await statfs(folder).catch(() => undefined);
  return {
    ports: await Promise.all(ports.map(lookAtPort)),
    files: fileLimits(readText("/proc/self/limits")),
    socketWriteBytes: lastNumber(readText("/proc/sys/net/ipv4/tcp_wmem")),
    backlog: lastNumber(readText("/proc/sys/net/core/somaxconn")),
    memoryBytes: Math.min(process.constrainedMemory() || totalmem(), totalmem()),
    freeDiskBytes: disk && disk.bavail * disk.bsize,
  };
}

async function lookAtPort(wanted: WantedPort): Promise<PortLook> {
  const fault = wanted.port === 0 ? undefined : (await listenFault(wanted.host, wanted.port))?.message;
  return { ...wanted, fault, holder: fault === undefined ? undefined : holderOf(wanted.port) };
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function lastNumber(text: string): number | undefined {
  const last = text.trim().split(/\s+/).at(-1) ?? "";
  return last === "" ? undefined : Number(last);
}

/** As /proc/self/limits has it. */
export function fileLimits(text: string): FileLimits | undefined {
  const [, soft, hard] = /^Max open files\s+(\S+)\s+(\S+)/m.exec(text) ?? [];
  if (soft === undefined || hard === undefined) return undefined;
  const [softFiles = 0, hardFiles = 0] = [soft, hard].map((word) => (word === "unlimited" ? Infinity : Number(word)));
  return { soft: softFiles, hard: hardFiles };
}

const LISTENING = "0A";

/** The inodes of the sockets that listen on a port, by a table of /proc/net. */
export function listeningInodes(table: string, port: number): readonly string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  return table.split("\n").flatMap((line) => {
    const [, local = "", , state, , , , , , inode = ""] = line.trim().split(/\s+/);
    return local.endsWith(`:${hex}`) && state === LISTENING ? [inode] : [];
  });
}

/** Of processes of other users nobody but root is told. */
function holderOf(port: number): PortLook["holder"] {
  const tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(readText);
  const sockets = new Set(tables.flatMap((table) => listeningInodes(table, port)).map((inode) => `socket:[${inode}]`));
  if (sockets.size === 0) return undefined;
  const pid = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .find((name) => openFiles(name).some((file) => sockets.has(file)));
  const entry = pid === undefined ? undefined : processEntry(Number(pid));
  return entry && { pid: entry.pid, command: shortened(entry.command) };
}

function openFiles(pid: string): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  } catch {
    return [];
  }
}

function linkOf(file: string): readonly string[] {
  try {
    return [readlinkSync(file)];
  } catch {
    // It was closed meanwhile.
    return [];
  }
}

/** The program and its script: what follows may be a secret. */
function shortened(command: string): string {
  return command.split(" ").slice(0, 2).join(" ");
}
