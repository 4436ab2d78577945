// `rookery edge`, `rookery api`, `rookery persister`: one service in the foreground. It is a child with our standard
// streams; signals are handed on and its exit code is ours. What follows the name are its own flags, read by itself.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import type { Command } from "commander";
import type { ProcessService } from "@rookery/node";
import { PARTS } from "../dev/parts.ts";
import { watchStarter } from "../dev/starter-watch.ts";
import { EXIT } from "../io.ts";
import type { Io } from "../io.ts";

/** As a shell reports a command that a signal ended: 128 and the signal's number. */
const SIGNAL_EXIT_BASE = 128;
const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR2"] as const;

export function service(kind: ProcessService): (command: Command, io: Io) => void {
  return (command, io) => {
    command
      .usage("[--<setting> <value> ...]")
      .argument("[flags...]", "settings by their key, `--internal-port 9465`; `rookery config docs` names all")
      .allowUnknownOption()
      .action(async (flags: readonly string[]) => {
        io.exitWith(await runInForeground(kind, flags, io));
      });
  };
}

async function runInForeground(kind: ProcessService, flags: readonly string[], io: Io): Promise<number> {
  const header = kind === "edge" && io.env["UWS_HTTP_MAX_HEADERS_SIZE"] === undefined;
  const env = {
    ...io.env,
    // The service must not outlive this command, however that ends.
    ROOKERY_PARENT_PID: String(process.pid),
    ...(header ? { UWS_HTTP_MAX_HEADERS_SIZE: "16384" } : {}),
  };
  // A group of its own: a terminal's Ctrl-C reaches it once, through us, and not a second time directly.
  const child = spawn(process.execPath, [PARTS.mainOf(kind), ...flags], {
    stdio: "inherit",
    detached: true,
    cwd: io.cwd,
    env,
  });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  for (const signal of FORWARDED) process.on(signal, forward);
  const endWatch = watchStarter(() => forward("SIGTERM"));
  try {
    const [code, signal]: unknown[] = await once(child, "exit");
    if (typeof code === "number") return code;
    return SIGNAL_EXIT_BASE + signalNumber(signal);
  } finally {
    endWatch();
    for (const signal of FORWARDED) process.off(signal, forward);
  }
}

function signalNumber(name: unknown): number {
  const found = Object.entries(constants.signals).find(([each]) => each === name);
  return found?.[1] ?? EXIT.failed;
}
