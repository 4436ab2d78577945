// Who reads settings: the services that are processes of their own, and the command that migrates the schema. The lists are
// the groups in which the table's rows name their readers.

export const ALL = ["edge", "api", "persister", "migrate"] as const;
export const SERVERS = ["edge", "api", "persister"] as const;
export const PUBLIC = ["edge", "api"] as const;
export const EDGE = ["edge"] as const;
export const API = ["api"] as const;
export const PERSISTER = ["persister"] as const;

/** Whoever reads settings. */
export type ServiceName = (typeof ALL)[number];

/** The services that are processes of their own. */
export type ProcessService = (typeof SERVERS)[number];
