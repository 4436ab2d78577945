// Owns the containers that one test runs: each an image's own command as its own user on this machine's loopback, with what
// docker-compose.yml tells that service. Called by the test of the images. States of each: running, ended.
// Must never leave a process: each watches this one as its parent, and is ended with the test.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { join } from "node:path";
import type { ServiceName } from "@rookery/node";
import { eventually } from "@rookery/testkit";
import { ownServices, readCompose } from "../deploy/compose-file.ts";
import { commandProcess } from "./buildah.ts";
import type { Buildah, Given } from "./buildah.ts";

export interface Running {
  readonly name: string;
  /** The container's own process, not the one that started it. */
  readonly pid: () => Promise<number>;
  readonly log: readonly string[];
  /** Ends its process by force, if it is still there. */
  readonly kill: () => void;
  /** Resolves with its exit code. */
  readonly ended: Promise<number>;
  /** Whether the image's own check of its health is content; what it said otherwise. */
  readonly health: () => Promise<string>;
}

const compose = ownServices(readCompose());

/** What the image says is run, with nothing added. */
const ownCommand = (buildah: Buildah, part: ServiceName): readonly string[] => {
  const { Entrypoint, Cmd } = buildah.config(`rookery-${part}`);
  return [...Entrypoint, ...(Cmd ?? [])];
};

/** `more` says what differs here from docker-compose.yml: ports, and where to listen. */
export function runPart(
  buildah: Buildah,
  part: ServiceName,
  secretsFolder: string,
  more: Readonly<Record<string, string>>,
): Running {
  const service = compose.find((each) => each.part === part);
  const told = Object.entries(service?.environment ?? {}).map(([name, value]) => [name, String(value)] as const);
  const given: Given = {
    env: { ...Object.fromEntries(told), ...more },
    secrets: Object.fromEntries((service?.secrets ?? []).map((name) => [name, join(secretsFolder, name)])),
  };
  const container = part;
  const child = buildah.start(container, ownCommand(buildah, part), given);
  const log = linesOf(child);
  const found = (): number | undefined => commandProcess(child.pid ?? 0, "node");
  return {
    name: part,
    pid: () => eventually(() => found() ?? false, { what: `the process of ${part}` }),
    kill() {
      const pid = found();
      if (pid !== undefined) process.kill(pid, "SIGKILL");
    },
    log,
    ended: endOf(child),
    health: async () => {
      const [, ...command] = buildah.config(`rookery-${part}`).Healthcheck?.Test ?? [];
      const asking = buildah.start(container, command, given);
      const said = linesOf(asking);
      return (await endOf(asking)) === 0 ? "healthy" : said.join(" ");
    },
  };
}

function linesOf(child: ChildProcess): readonly string[] {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  return lines;
}

async function endOf(child: ChildProcess): Promise<number> {
  await once(child, "close");
  return child.exitCode ?? -1;
}

/** Free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  return typeof address === "object" && address !== null ? address.port : 0;
}
