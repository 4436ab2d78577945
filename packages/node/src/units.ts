// Units in which the table's rows write their ranges, and what is said of a row whose part of the product is missing. Read by
// the files of rows alone.

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const MIN_MS = 60_000;
export const HOUR_MS = 60 * MIN_MS;

/** Said of a setting that is checked already and read by nothing before its part of the product is built. */
export const LATER = " (not in force yet)";
