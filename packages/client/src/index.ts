/**
 * A client of Rookery for browsers and Node: what this package offers, by name. At most 8 KB gzipped, all of it.
 */
export { connect } from "./connect.ts";
export { RookeryError } from "./errors.ts";
export type { Retry } from "./errors.ts";
export type * from "./public-channel.ts";
export type * from "./public-client.ts";
export type * from "./public-types.ts";
