// Owns processes and folders that never outlive their starter: a keeper (keeper.sh) holds the read end of a pipe and
// cleans up when the pipe ends, so `kill -9` of the starter needs no handler in it. Called by the two starters.
// States of a keeper: watching nothing, watching a server, ending (pipe closed), gone (server stopped, folder removed).
// Must never kill by name, and never signal a process id after its process was seen to end.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";

const keeperFile = fileURLToPath(new URL("../keeper.sh", import.meta.url));

/** Lines of output kept for error messages: enough for a start-up failure, too few to matter in memory. */
const tailLines = 60;

/** How a process ended: an exit code or the name of the signal, as Node reports them. */
export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The user a process runs as; numbers as in passwd(5). */
export interface RunAs {
  uid: number;
  gid: number;
}

export interface Command {
  command: string;
  args: string[];
  cwd: string;
  env?: NodeJS.ProcessEnv;
  runAs?: RunAs | undefined;
}

/** A process that ends with its starter. `pid` is the server's own, so `kill -9 pid` hits the server and nothing else. */
export interface KeptProcess {
  pid: number;
  child: ChildProcess;
  /** Resolves when the server has ended, for whatever reason; never rejects. */
  exited: Promise<Ending>;
  /** The last lines the server wrote to stdout and stderr, oldest first. */
  tail: () => string[];
}

export interface KeeperOptions {
  /** What asks the server to end in order. */
  stopSignal: "TERM" | "INT";
  /** After this long the server's process group is killed. */
  graceMs: number;
  /** Removed after the server has ended. */
  folder?: string | undefined;
}

/** Watches at most one server at a time. All it watches ends with `end` or with this process, whichever comes first. */
export interface Keeper {
  /** Runs a command in a process group of its own. Throws when it cannot be run at all. */
  start: (command: Command) => Promise<KeptProcess>;
  /** Stops the server, by force after the grace, then removes the folder. May be called any number of times. */
  end: () => Promise<void>;
}

const collectLines = (streams: (Readable | null)[]): (() => string[]) => {
  const lines: string[] = [];
  for (const stream of streams) {
    if (stream === null) continue;
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line);
      if (lines.length > tailLines) lines.shift();
    });
  }
  return () => [...lines];
};

const startUnder = async (pipe: Writable, wanted: Command): Promise<KeptProcess> => {
  // The server tells the keeper its own process id before it becomes the server. Were that left to the starter, a kill
  // between fork and write would leave a server that nobody watches.
  const child = spawn("/bin/sh", ["-c", 'echo $$ >&3; exec "$@" 3>&-', "sh", wanted.command, ...wanted.args], {
    cwd: wanted.cwd,
    env: wanted.env ?? process.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", pipe],
    ...wanted.runAs,
  });
  const tail = collectLines([child.stdout, child.stderr]);
  const exited = new Promise<Ending>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  // `exit` rather than `close`: from here on the process id may belong to somebody else.
  child.once("exit", () => {
    if (pipe.writable) pipe.write("gone\n");
  });
  await once(child, "spawn");
  if (child.pid === undefined) throw new Error(`${wanted.command} did not start`);
  return { pid: child.pid, child, exited, tail };
};

const killGroup = ({ child, pid }: KeptProcess): void => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    child.kill("SIGKILL"); // gone between the look and the signal, which this ignores
  }
};

/** Starts a keeper. It costs one sleeping shell and no timer in this process. */
export const startKeeper = (options: KeeperOptions): Keeper => {
  const graceTenths = String(Math.ceil(options.graceMs / 100));
  const keeper = spawn("/bin/sh", [keeperFile, options.stopSignal, graceTenths, options.folder ?? ""], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    cwd: "/",
  });
  const pipe = keeper.stdin;
  const gone = new Promise<void>((resolve) => {
    keeper.once("exit", () => resolve());
  });
  // A keeper that somebody killed closes the pipe; what it watched then ends without it.
  pipe.on("error", () => undefined);
  keeper.unref();
  let running: KeptProcess | undefined;
  return {
    start: async (command) => {
      running = await startUnder(pipe, command);
      return running;
    },
    end: async () => {
      pipe.end();
      keeper.ref();
      await gone;
      // Only a keeper that was itself killed leaves its server running.
      if (running !== undefined) killGroup(running);
      await running?.exited;
    },
  };
};
