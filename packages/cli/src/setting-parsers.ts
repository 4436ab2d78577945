// The parsers that read the settings of the services, handed to the loader by every command that judges settings: the same
// ones that a service's main hands to it. Loaded when they are asked for, since most commands need none.
import type { SettingParsers } from "@rookery/runtime";

export async function settingParsers(): Promise<SettingParsers> {
  const [{ TOKEN_PARSERS }, { parseRedisUrl }, { readPostgresUrl }] = await Promise.all([
    import("@rookery/auth"),
    import("@rookery/broker"),
    import("@rookery/store"),
  ]);
  return { ...TOKEN_PARSERS, redisUrl: parseRedisUrl, postgresUrl: readPostgresUrl };
}
