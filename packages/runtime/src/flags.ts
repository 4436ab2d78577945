// Reads `--log-level debug` and `--log-level=debug` into camel-case keys for the settings loader, which judges the
// names. Pure; called with the command line of a process.

/** Flags by camel-case key. A flag without a value is `true`; a word that belongs to no flag becomes a key, to be refused. */
export function parseFlags(argv: readonly string[]): Readonly<Record<string, string>> {
  // Without a prototype, so that a flag called `__proto__` is an unknown one like any other.
  const flags: Record<string, string> = Object.create(null);
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    const equals = word.indexOf("=");
    const next = argv[index + 1];
    if (equals !== -1) flags[keyOf(word.slice(0, equals))] = word.slice(equals + 1);
    else if (!word.startsWith("--") || next === undefined || next.startsWith("--")) flags[keyOf(word)] = "true";
    else {
      flags[keyOf(word)] = next;
      index += 1;
    }
  }
  return flags;
}

function keyOf(flag: string): string {
  return flag.replace(/^--/, "").replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}
