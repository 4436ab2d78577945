// `rookery nodes` and `rookery drain <node>`: which processes the cluster knows, and sending one's clients elsewhere, by the
// api.
import type { Command } from "commander";
import { addApiOptions } from "../control/api-address.ts";
import type { ApiOptions } from "../control/api-address.ts";
import { ask, printList } from "../control/api-command.ts";
import type { Io } from "../io.ts";

const COLUMNS = ["node", "kind", "pid", "version", "connections", "draining", "startedAt", "beatAt"];

export function nodes(command: Command, io: Io): void {
  addApiOptions(command).action(async (options: ApiOptions) => {
    const found = await ask(options, io, { method: "GET", path: ["nodes"] });
    printList(found, options, io, { name: "nodes", columns: COLUMNS });
  });
}

export function drain(command: Command, io: Io): void {
  addApiOptions(command.argument("<node>", "its id, as `rookery nodes` tells it")).action(
    async (node: string, options: ApiOptions) => {
      const answer = await ask(options, io, { method: "POST", path: ["nodes", node, "drain"], body: {} });
      io.out(options.json ? JSON.stringify(answer) : `${node} is told to drain: \`rookery nodes\` shows how far it is`);
    },
  );
}
