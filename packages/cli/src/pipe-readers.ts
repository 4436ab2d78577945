// Tells when the last reader of the pipe behind standard output has gone. Node notices at the next write only, and a quiet
// channel may not have one for hours. Used by standard-output.ts, for commands that run on.
// Linux tells by /proc who holds a pipe; elsewhere, and behind a socket, the next write has to do. It writes nothing and
// never takes a reader for gone that it only may not look at.
// States: seeking (all processes are looked through), watching (one known reader is looked at), over, given up.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** One file descriptor of one process that can read the pipe. */
export interface Reader {
  readonly pid: string;
  readonly fd: string;
}

export interface Look {
  /** `unknown` when the system does not let us look. */
  readonly holds: (reader: Reader) => "yes" | "no" | "unknown";
  /** Some reader, none, or that there may be one where we may not look. */
  readonly seek: () => Reader | "none" | "unknown";
}

/** A person waits no longer than this for the prompt; one look reads one link. */
const EVERY_MS = 200;

/**
 * Calls `gone` once, when nobody can read the pipe any more. Keeps no process alive. The reader is sought at once: where
 * others' processes cannot be looked at, only one that was seen before can be known to have gone.
 */
export function watchReaders(look: Look, gone: () => void): () => void {
  let reader: Reader | undefined;
  const timer = setInterval(lookAgain, EVERY_MS);
  timer.unref();
  lookAgain();
  return () => clearInterval(timer);

  function lookAgain(): void {
    const held = reader === undefined ? "no" : look.holds(reader);
    if (held === "yes") return;
    const wasSeen = reader !== undefined && held === "no";
    // Gone from there, it may have handed the pipe on, but hardly to a process of another user.
    const found = held === "no" ? look.seek() : "unknown";
    if (typeof found === "object") {
      reader = found;
      return;
    }
    clearInterval(timer);
    if (found === "none" || wasSeen) gone();
  }
}

/** A look at the pipe behind one of our own descriptors; undefined where the system does not tell. */
export function lookAtPipe(fd: number): Look | undefined {
  if (process.platform !== "linux") return undefined;
  const pipe = linkOf("self", String(fd));
  if (pipe === undefined || pipe === "unknown") return undefined;
  return {
    holds: ({ pid, fd: theirs }) => {
      const link = linkOf(pid, theirs);
      return link === "unknown" ? link : link === pipe ? "yes" : "no";
    },
    seek: () => seekReader(pipe),
  };
}

function seekReader(pipe: string): Reader | "none" | "unknown" {
  let mayBeHidden = false;
  for (const pid of readdirSync("/proc")) {
    if (!/^\d+$/.test(pid) || pid === String(process.pid)) continue;
    const fds = descriptorsOf(pid);
    if (fds === undefined) mayBeHidden = true;
    const fd = fds?.find((each) => linkOf(pid, each) === pipe && canRead(pid, each));
    if (fd !== undefined) return { pid, fd };
  }
  return mayBeHidden ? "unknown" : "none";
}

/** Undefined when we may not look; none when the process is gone. */
function descriptorsOf(pid: string): readonly string[] | undefined {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch (error) {
    return isHidden(error) ? undefined : [];
  }
}

/** `pipe:[4711]`, or the path of a named one. Undefined when there is no such process or descriptor. */
function linkOf(pid: string, fd: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch (error) {
    return isHidden(error) ? "unknown" : undefined;
  }
}

/** The flags of open(2), in octal; their two lowest bits say how it was opened, 1 being for writing only. */
function canRead(pid: string, fd: string): boolean {
  try {
    const [, flags = "1"] = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8")) ?? [];
    return (Number.parseInt(flags, 8) & 3) !== 1;
  } catch {
    return false;
  }
}

function isHidden(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "EACCES" || error.code === "EPERM");
}
