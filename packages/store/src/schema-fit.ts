// Whether the tables are those that this build works with, judged by the names of migrations alone. Asked by the store before
// its first statement and by `migrate up`. Pure.
//
//   one of ours is missing          no build works: as if Postgres were away, until `rookery migrate up` has run
//   a newer one is there            older builds work beside it, so that a release can be rolled back...
//   a newer one named `-breaking-`  ...but for this: a build that does not know it must not go on
const BREAKING = /^\d{4}-breaking-/;
const MOST_NAMED = 3;

/** Postgres answers, and not with the tables that this build knows. `isNewer`: waiting does not help this build. */
export class UnfitSchema extends Error {
  readonly code = "UNFIT_SCHEMA";
  readonly isNewer: boolean;

  constructor(message: string, isNewer: boolean) {
    super(message);
    this.name = "UnfitSchema";
    this.isNewer = isNewer;
  }
}

export const isBreaking = (name: string): boolean => BREAKING.test(name);

/** `known` are those of this build, `applied` those of the database, both by name. Undefined when it may be worked with. */
export function schemaFault(known: readonly string[], applied: readonly string[]): UnfitSchema | undefined {
  const breaking = newerThan(known, applied).filter(isBreaking);
  if (breaking.length > 0) {
    const why = `the schema is of a newer build, and no older one can work with it (${listed(breaking)})`;
    return new UnfitSchema(`${why}: run that build or a newer one`, true);
  }
  const there = new Set(applied);
  const missing = known.filter((name) => !there.has(name));
  if (missing.length === 0) return undefined;
  const what = applied.length === 0 ? "the database has no tables" : `the schema is older than this build`;
  return new UnfitSchema(`${what} (${listed(missing)} to be applied): run \`rookery migrate up\``, false);
}

/** What the database has and this build does not know, in words; undefined when there is nothing. */
export function newerSchema(known: readonly string[], applied: readonly string[]): string | undefined {
  const newer = newerThan(known, applied);
  return newer.length === 0 ? undefined : `the schema is newer than this build (${listed(newer)}), which works with it`;
}

function newerThan(known: readonly string[], applied: readonly string[]): string[] {
  const ours = new Set(known);
  return applied.filter((name) => !ours.has(name));
}

function listed(names: readonly string[]): string {
  const rest = names.length - MOST_NAMED;
  return [...names.slice(0, MOST_NAMED), ...(rest > 0 ? [`${rest} more`] : [])].join(", ");
}
