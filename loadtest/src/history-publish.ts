// The publish that other systems call one with history, as a function: the opponent of the publish script in `publish` and
// the whole work of the bare chat server in `accept`. The script is lua/history-publish.lua.

import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";

const KEPT_ENTRIES = 1000;
const IDLE_MS = 24 * 3_600_000;

/** Answers the offset. */
export type HistoryPublish = (channel: string, frame: string) => Promise<number>;

/** Of one Redis; what a channel's messages are announced on is {@link historyTopic}. */
export function createHistoryPublish(redis: Redis): HistoryPublish {
  const lua = readFileSync(new URL("../lua/history-publish.lua", import.meta.url), "utf8");
  redis.defineCommand("historyPublish", { lua, numberOfKeys: 3 });
  const command: unknown = Reflect.get(redis, "historyPublish");
  if (typeof command !== "function") throw new Error("ioredis did not take the script");
  return async (channel, frame) => {
    const keys = [`{${channel}}:head`, `{${channel}}:log`, historyTopic(channel)];
    return Number(await command.call(redis, ...keys, frame, KEPT_ENTRIES, IDLE_MS));
  };
}

export function historyTopic(channel: string): string {
  return `{${channel}}:t`;
}
