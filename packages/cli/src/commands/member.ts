// `rookery member set|remove|list`: who has which role in a channel, by the api.
import { ROLES } from "@rookery/protocol";
import { Option } from "commander";
import type { Command } from "commander";
import type { ApiOptions } from "../control/api-address.ts";
import { addPageOptions, apiSubcommand, ask, printEffect, printList } from "../control/api-command.ts";
import type { PageOptions } from "../control/api-command.ts";
import type { Io } from "../io.ts";
import { channelId, userId } from "../option-values.ts";

interface SetOptions extends ApiOptions {
  readonly role: string;
}

export function member(command: Command, io: Io): void {
  apiSubcommand(command, "set", {
    summary: "give a user a role in a channel",
    example: "rookery member set staff bob --role moderator",
  })
    .argument("<channel>", "channel id", channelId)
    .argument("<user>", "user id", userId)
    .addOption(new Option("--role <role>", "which").choices([...ROLES]).default("member"))
    .action(async (channel: string, user: string, options: SetOptions) => {
      const path = ["channels", channel, "members", user];
      const answer = await ask(options, io, { method: "PUT", path, body: { role: options.role } });
      printEffect(answer, options, io, `${user} is ${options.role} in ${channel}`);
    });
  apiSubcommand(command, "remove", {
    summary: "take a user's role in a channel",
    example: "rookery member remove staff bob",
  })
    .argument("<channel>", "channel id", channelId)
    .argument("<user>", "user id", userId)
    .action(async (channel: string, user: string, options: ApiOptions) => {
      const path = ["channels", channel, "members", user];
      printEffect(await ask(options, io, { method: "DELETE", path }), options, io, `${user} has no role in ${channel}`);
    });
  addPageOptions(
    apiSubcommand(command, "list", {
      summary: "list who has a role in a channel",
      example: "rookery member list staff",
    }),
  )
    .argument("<channel>", "channel id", channelId)
    .action(async (channel: string, options: PageOptions) => {
      const { limit, cursor } = options;
      const path = ["channels", channel, "members"];
      const found = await ask(options, io, { method: "GET", path, query: { limit, cursor } });
      printList(found, options, io, { name: "members", columns: ["user", "role", "name", "online", "lastSeenAt"] });
    });
}
