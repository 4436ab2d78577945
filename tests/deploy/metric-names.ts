// Which metrics a query of Prometheus names. Called by tests that hold queries to what processes serve. Pure, and no parser:
// it takes away what is no metric, so whatever it does not understand stays and is an unknown name.

const AROUND = [
  /"(?:[^"\\]|\\.)*"/g,
  /\{[^}]*\}/g,
  /\[[^\]]*\]/g,
  /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g,
];
const OPERATORS = new Set(["and", "or", "unless", "bool", "offset"]);

/** The names, each once. */
export function metricNames(query: string): string[] {
  const bare = AROUND.reduce((rest, pattern) => rest.replace(pattern, " "), query);
  const words = [...bare.matchAll(/(?<![\w.:])[a-zA-Z_:][\w:]*(?!\w*\s*\()/g)].map(([word]) => word);
  return [...new Set(words.filter((word) => !OPERATORS.has(word)))];
}
