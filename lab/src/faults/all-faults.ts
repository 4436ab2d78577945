// The table of faults. Read by main.ts, by tests, and by the page that tells of them.
import type { Fault } from "../fault.ts";
import { clientFaults } from "./clients.ts";
import { linkFaults } from "./links.ts";
import { persisterFaults } from "./persisters.ts";
import { postgresFaults } from "./postgres.ts";
import { processFaults } from "./processes.ts";
import { redisFaults } from "./redis.ts";
import { rightsFaults } from "./rights.ts";
import { slotFaults } from "./slots.ts";

export const FAULTS: readonly Fault[] = [
  ...linkFaults,
  ...redisFaults,
  ...slotFaults,
  ...processFaults,
  ...persisterFaults,
  ...postgresFaults,
  ...rightsFaults,
  ...clientFaults,
];
