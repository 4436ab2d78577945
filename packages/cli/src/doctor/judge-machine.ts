// What this machine means for a process that is to run on it: ports, limits, the kernel, memory and disk. Pure; the facts are
// machine-look.ts'.
import { bytesText, gravest, judgeBy, ok, trouble, warning } from "./check.ts";
import type { Check, Finding, Judge } from "./check.ts";

export interface PortLook {
  readonly setting: string;
  readonly host: string;
  readonly port: number;
  /** Why nothing more can listen there; undefined when something can. */
  readonly fault: string | undefined;
  /** Who listens there, where that can be seen. */
  readonly holder: { readonly pid: number; readonly command: string } | undefined;
}

export interface FileLimits {
  readonly soft: number;
  readonly hard: number;
}

/** Undefined where the system does not tell. */
export interface MachineLook {
  readonly ports: readonly PortLook[];
  readonly files: FileLimits | undefined;
  /** The last number of `net.ipv4.tcp_wmem`. */
  readonly socketWriteBytes: number | undefined;
  readonly backlog: number | undefined;
  /** What the process may use. */
  readonly memoryBytes: number;
  /** Free where it is started. */
  readonly freeDiskBytes: number | undefined;
}

/** What settings ask of it; undefined where this process reads no such setting. */
export interface MachineNeeds {
  readonly maxConnections: number | undefined;
  readonly memorySettingBytes: number | undefined;
  readonly bufferBudgetBytes: number | undefined;
}

interface MachineFacts extends MachineNeeds {
  readonly look: MachineLook;
}

const MIB = 1024 * 1024;
/** What a process opens beside its sockets; an edge keeps as much back. */
const FILES_BESIDE_SOCKETS = 256;
/** Of one that holds no clients' sockets by the thousand. */
const FILES_WITHOUT_SOCKETS = 1_024;
const WANTED_WRITE_BYTES = 256 * 1024;
/** As many as an edge and an api ask for. */
const LISTEN_BACKLOG = 512;
/** Of an edge without clients, roughly. */
const PROCESS_BYTES = 256 * MIB;
const LEAST_FREE_DISK_BYTES = 1024 * MIB;
/** A command line of Rookery's own services. */
const OWN_SERVICE = /\bservices\/(edge|api|persister)\/|\brookery\b.*\b(edge|api|persister)\b/;

function port({ setting, host, port: number, fault, holder }: PortLook): Finding {
  const place = `${host}:${number}`;
  if (number === 0) return ok(`${setting} takes a free one`);
  if (fault === undefined) return ok(`${place} is free`);
  const by = holder === undefined ? "" : ` by process ${holder.pid} (${holder.command})`;
  if (holder !== undefined && OWN_SERVICE.test(holder.command))
    return warning(
      `${place} is held${by}`,
      `right if that is the process you mean; for one more set another ${setting}`,
    );
  return trouble(`${place}: ${fault}${by}`, `end what listens there, or set another ${setting}`);
}

function files({ look, maxConnections }: MachineFacts): Finding {
  if (look.files === undefined)
    return warning("the limit of open files cannot be seen on this system", "look with ulimit -n");
  const { soft, hard } = look.files;
  // Node raises the soft limit to the hard one as it starts.
  const most = Math.max(soft, hard);
  const wanted = maxConnections === undefined ? FILES_WITHOUT_SOCKETS : 2 * maxConnections + FILES_BESIDE_SOCKETS;
  const fix = `raise nofile to ${wanted} (LimitNOFILE= of systemd, ulimits of a container)`;
  if (most >= wanted) return ok(`${most} files may be open, and ${wanted} are needed`);
  if (maxConnections === undefined) return warning(`${most} files may be open, and ${wanted} are wanted`, fix);
  const room = Math.max(0, most - FILES_BESIDE_SOCKETS);
  if (room < maxConnections)
    return trouble(
      `${most} files may be open: room for ${room} of ${maxConnections} connections`,
      `${fix}, or lower ROOKERY_MAX_CONNECTIONS`,
    );
  return warning(`${most} files may be open: too few where many connections end at once`, fix);
}

const writeBuffers: Judge<MachineFacts>["judge"] = ({ look: { socketWriteBytes }, maxConnections }) => {
  if (socketWriteBytes === undefined || maxConnections === undefined) return undefined;
  const found = `the kernel holds up to ${bytesText(socketWriteBytes)} for a client who does not read`;
  if (socketWriteBytes <= WANTED_WRITE_BYTES) return ok(found);
  return warning(found, 'sysctl -w net.ipv4.tcp_wmem="4096 16384 262144"');
};

const backlog: Judge<MachineFacts>["judge"] = ({ look }) => {
  if (look.backlog === undefined || look.ports.length === 0) return undefined;
  const found = `net.core.somaxconn is ${look.backlog}`;
  if (look.backlog >= LISTEN_BACKLOG) return ok(found);
  return warning(`${found}, and a service asks for ${LISTEN_BACKLOG}`, "sysctl -w net.core.somaxconn=4096");
};

const memory: Judge<MachineFacts>["judge"] = ({ look, memorySettingBytes, bufferBudgetBytes }) => {
  if (memorySettingBytes === undefined || bufferBudgetBytes === undefined) return undefined;
  const { memoryBytes } = look;
  if (memorySettingBytes > memoryBytes)
    return warning(
      `ROOKERY_MEMORY_BYTES is ${bytesText(memorySettingBytes)}, and there are ${bytesText(memoryBytes)}`,
      "lower it: the edge would be ended before it sheds anything",
    );
  const usable = memorySettingBytes === 0 ? memoryBytes : memorySettingBytes;
  const found = `${bytesText(usable)} for the edge, of which ROOKERY_BUFFER_BUDGET_BYTES may take ${bytesText(bufferBudgetBytes)}`;
  if (usable >= bufferBudgetBytes + PROCESS_BYTES) return ok(found);
  return warning(found, "give it more memory, or lower ROOKERY_BUFFER_BUDGET_BYTES");
};

const disk: Judge<MachineFacts>["judge"] = ({ look: { freeDiskBytes } }) => {
  if (freeDiskBytes === undefined) return undefined;
  const found = `${bytesText(freeDiskBytes)} are free where it is started`;
  if (freeDiskBytes >= LEAST_FREE_DISK_BYTES) return ok(found);
  return warning(found, "make room: logs, and a Redis and a Postgres of `rookery dev`, are written there");
};

const JUDGES: readonly Judge<MachineFacts>[] = [
  { name: "ports", judge: ({ look }) => gravest(look.ports.map(port)) },
  { name: "open files", judge: files },
  { name: "socket buffers", judge: writeBuffers },
  { name: "listen backlog", judge: backlog },
  { name: "memory", judge: memory },
  { name: "disk", judge: disk },
];

export function judgeMachine(look: MachineLook, needs: MachineNeeds): readonly Check[] {
  return judgeBy(JUDGES, { look, ...needs });
}
