// Who may do what in a channel: roles, grants and their cache, acting by a grant. Other packages import from here only.
export type { Grant } from "./grant.ts";
export { createGlobalTable } from "./global-table.ts";
export type { Bearer, GlobalRefusal, GlobalRows, GlobalTable } from "./global-table.ts";
export { createRights } from "./rights.ts";
export type { Rights } from "./rights.ts";
export type { ChannelRules } from "./rules-cache.ts";
export { rightsFence, withFreshRights } from "./with-fresh-rights.ts";
