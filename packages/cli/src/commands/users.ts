// `rookery notice` and `rookery disconnect`: what is sent to every session of a user, on every edge, by the api.
import type { Command } from "commander";
import { addApiOptions } from "../control/api-address.ts";
import type { ApiOptions } from "../control/api-address.ts";
import { ask, printEffect } from "../control/api-command.ts";
import type { Io } from "../io.ts";
import { userId } from "../option-values.ts";

export function notice(command: Command, io: Io): void {
  addApiOptions(command.argument("<user>", "user id", userId).argument("<text>", "what it says")).action(
    async (user: string, body: string, options: ApiOptions) => {
      const answer = await ask(options, io, { method: "POST", path: ["users", user, "notices"], body: { body } });
      if (options.json) io.out(JSON.stringify(answer));
      else io.out(`sent to ${String(answer["sessions"])} sessions of ${user}`);
    },
  );
}

export function disconnect(command: Command, io: Io): void {
  addApiOptions(command.argument("<user>", "user id", userId)).action(async (user: string, options: ApiOptions) => {
    const answer = await ask(options, io, { method: "POST", path: ["users", user, "disconnect"], body: {} });
    printEffect(answer, options, io, `${user} is told to connect again`);
  });
}
