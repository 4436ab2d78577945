// The table that proves the lab: mechanisms of the product, each with a way to take it out and the fault that then finds a
// promise broken. Read by prove.ts, and by a test that holds each text to the source, so that no change there mends one in
// silence. The product itself knows no switch: what is built from this table is built elsewhere (variant.ts).

export interface Break {
  readonly name: string;
  /** Names of faults that must find it, each by one of these rules. */
  readonly caughtBy: string;
  readonly rules: readonly string[];
  readonly edits: readonly Edit[];
}

export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly text: string;
  readonly instead: string;
}

export const BREAKS: readonly Break[] = [
  {
    name: "no-owner-fence",
    caughtBy: "redis-tail-cut",
    rules: ["two messages at one position", "an acknowledged message is missing", "going back"],
    edits: [
      {
        file: "packages/broker/lua/parts/fence.lua",
        text: 'local isOpen = part[2] and epoch >= floor and string.find(replication, "master_replid:" .. part[2], 1, true)',
        instead: "local isOpen = part[2] and epoch >= floor",
      },
    ],
  },
  {
    name: "no-hole-check",
    caughtBy: "subscriber-cut",
    rules: ["a jump without a gap"],
    edits: [
      {
        file: "packages/broker/src/relay-position.ts",
        text: '    if (this.#state === "live" && comparePositions(prev, this.#position) <= 0) {',
        instead: `    if (this.#state === "live" && comparePositions(prev, this.#position) > 0) {
      this.#position = envelope.position;
      return [{ kind: "deliver", position: envelope.position, frame: envelope.frame }];
    }
    if (this.#state === "live" && comparePositions(prev, this.#position) <= 0) {`,
      },
    ],
  },
  {
    name: "position-outside-transaction",
    caughtBy: "persister-killed",
    rules: ["an acknowledged message is missing"],
    edits: [
      {
        file: "services/persister/src/drain.ts",
        text: "    const outcome = await commitRows({ readAfter, entries: entries.map(toBatchEntry) });",
        instead: `    await tellRedis(savedBatches(entries, undefined));
    const outcome = await commitRows({ readAfter, entries: entries.map(toBatchEntry) });`,
      },
    ],
  },
  {
    name: "no-once-key",
    caughtBy: "reply-lost",
    rules: ["one send became two messages"],
    edits: [
      {
        file: "packages/broker/lua/publish.lua",
        text: 'local first = try("SET", onceKey, remembers, "NX", "GET", "PX", ARGV[4])',
        instead: "local first = false",
      },
    ],
  },
  {
    name: "no-pulse",
    caughtBy: "last-message-lost",
    rules: ["an acknowledged message is missing"],
    edits: [
      {
        file: "services/edge/src/redis-feed.ts",
        text: "for (const [channel, head] of heads) relays.sawHead(channel, head);",
        instead: "void heads;",
      },
    ],
  },
  {
    name: "presence-not-taken-back",
    caughtBy: "edge-killed-for-good",
    rules: ["presence or delivery beyond its bound"],
    edits: [
      {
        file: "packages/broker/lua/reap.lua",
        text: 'local users = try("HRANDFIELD", hereon, most - taken, "WITHVALUES")',
        instead: "local users = {}",
      },
    ],
  },
  {
    name: "lanes-without-gap",
    caughtBy: "slow-readers",
    rules: ["a jump without a gap"],
    edits: [
      {
        file: "services/edge/src/lanes/lanes.ts",
        text: "for (const gap of missed.gaps(channel, from)) {",
        instead: "for (const gap of missed.gaps(channel, from).slice(0, 0)) {",
      },
    ],
  },
];
