// Owns the reading of what a cluster tells about itself: the ready line of `dev --json` and Prometheus text.
// Called by cluster.ts. Pure. Must never fill in what is missing: a wrong line fails the test that got it.

export interface ClusterProcess {
  name: string;
  pid: number;
  /** Base URL of its internal port; Redis and Postgres have none. */
  internal?: string;
}

export interface ReadyLine {
  pid: number;
  /** One URL per edge. */
  ws: string[];
  api: string;
  apiKey: string;
  jwt: { alg: string; secret: string; issuer: string; audience: string };
  redis: string;
  postgres: string;
  processes: ClusterProcess[];
}

type Fields = Record<string, unknown>;

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;

const fieldsOf = (value: unknown, what: string): Fields => {
  if (isFields(value)) return value;
  throw new Error(`the ready line's ${what} is no object`);
};

const text = (fields: Fields, name: string): string => {
  const value = fields[name];
  if (typeof value === "string" && value !== "") return value;
  throw new Error(`the ready line has no ${name}`);
};

const number = (fields: Fields, name: string): number => {
  const value = fields[name];
  if (typeof value === "number") return value;
  throw new Error(`the ready line has no ${name}`);
};

const list = (fields: Fields, name: string): unknown[] => {
  const value = fields[name];
  if (Array.isArray(value)) return value;
  throw new Error(`the ready line has no list ${name}`);
};

const processOf = (value: unknown): ClusterProcess => {
  const fields = fieldsOf(value, "process");
  const base = { name: text(fields, "name"), pid: number(fields, "pid") };
  return fields["internal"] === undefined ? base : { ...base, internal: text(fields, "internal") };
};

/** Reads the one line that says that everything answers. Throws naming the field that is missing. */
export const parseReadyLine = (line: string): ReadyLine => {
  const fields = fieldsOf(JSON.parse(line), "content");
  if (fields["ready"] !== true) throw new Error(`not a ready line: ${line.slice(0, 200)}`);
  const jwt = fieldsOf(fields["jwt"], "jwt");
  return {
    pid: number(fields, "pid"),
    ws: list(fields, "ws").map(String),
    api: text(fields, "api"),
    apiKey: text(fields, "apiKey"),
    jwt: {
      alg: text(jwt, "alg"),
      secret: text(jwt, "secret"),
      issuer: text(jwt, "issuer"),
      audience: text(jwt, "audience"),
    },
    redis: text(fields, "redis"),
    postgres: text(fields, "postgres"),
    processes: list(fields, "processes").map(processOf),
  };
};

/** Reads Prometheus text (exposition format 0.0.4): the value of each series by its full name, labels included. */
export const parseMetrics = (exposition: string): Map<string, number> => {
  const series = new Map<string, number>();
  for (const line of exposition.split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    // A label's value may hold spaces and braces, so the name ends at the last closing brace.
    const [, name, value] = /^([^\s{]+(?:\{.*\})?)\s+(\S+)/.exec(line) ?? [];
    if (name !== undefined) series.set(name, Number(value?.replace("Inf", "Infinity")));
  }
  return series;
};
