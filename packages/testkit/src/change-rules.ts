// Owns the rules about edits, deletions and reactions, judged over all histories and rows. Called by the checker's table.
// Pure. Must never hold against a server what it answered before it knew: a page is judged by what its reader had been
// told when it was asked for.
import { comparePositions, positionText } from "./client-frame.ts";
import { named } from "./evidence.ts";
import type { Evidence, Sighting } from "./evidence.ts";

const messageKey = ({ channel, id }: { channel: string; id: string }): string => `${channel} ${id}`;

/** An acknowledged change stands where it was said to, or a failover took it back. */
export const changeMissing = ({ clients, rows, lossAllowed }: Evidence): string[] => {
  if (rows === undefined) return [];
  const stored = new Set(rows.map((row) => `${named(row.channel, row)} ${row.id}`));
  const epochs = new Map(rows.map(({ channel, epoch }) => [`${channel} ${epoch}`, epoch]));
  return clients.flatMap(({ client, events }) =>
    events.flatMap((event) => {
      if (event.kind !== "changed" || stored.has(`${named(event.channel, event)} ${event.id}`)) return [];
      const isTakenBack = [...epochs].some(
        ([key, epoch]) => key.startsWith(`${event.channel} `) && epoch > event.epoch,
      );
      if (lossAllowed && isTakenBack) return [];
      return [`${named(event.channel, event)}, a change of ${event.id} by ${client}, is not in Postgres`];
    }),
  );
};

/** What was deleted says nothing any more to whoever was told so and asks afterwards. */
export const deletedShown = ({ clients }: Evidence): string[] =>
  clients.flatMap(({ client, events }) => {
    const toldAt = new Map<string, number>();
    return events.flatMap((event, at) => {
      if (event.kind !== "frame") return [];
      if (event.type === "deleted") {
        if (!toldAt.has(messageKey(event))) toldAt.set(messageKey(event), at);
        return [];
      }
      const told = toldAt.get(messageKey(event));
      if (event.body === undefined || told === undefined || (event.askedAt ?? at) <= told) return [];
      return [`${client} was shown the text at ${named(event.channel, event)} of ${event.id} after it was deleted`];
    });
  });

const authorsOf = (sightings: readonly Sighting[]): Map<string, string> =>
  new Map(
    sightings.flatMap((seen) =>
      seen.type === "message" && seen.user !== undefined ? [[messageKey(seen), seen.user]] : [],
    ),
  );

export const editedByAnother = ({ sightings }: Evidence): string[] => {
  const authors = authorsOf(sightings);
  return sightings.flatMap((seen) => {
    const author = authors.get(messageKey(seen));
    if (seen.type !== "edited" || author === undefined || seen.user === author) return [];
    return [
      `${seen.seenBy} has an edit at ${named(seen.channel, seen)} by ${String(seen.user)} of ${author}'s ${seen.id}`,
    ];
  });
};

/**
 * A reaction takes turns between standing and not, beginning with standing: a repeat of what is so already is given no
 * position of its own. Judged within one epoch, since a failover may take a turn back.
 */
export const reactedTwice = ({ rows = [] }: Evidence): string[] => {
  const lasts = new Map<string, (typeof rows)[number]>();
  return rows
    .filter(({ type }) => type === "reaction")
    .toSorted(comparePositions)
    .flatMap((row) => {
      const key = `${messageKey(row)} ${row.author} ${row.emoji ?? ""}`;
      const last = lasts.get(key);
      lasts.set(key, row);
      const isRepeat = last === undefined ? row.on === false : last.epoch === row.epoch && last.on === row.on;
      if (!isRepeat) return [];
      const before = last === undefined ? "never stood" : `is so since ${positionText(last)}`;
      return [`${named(row.channel, row)}: ${row.emoji ?? ""} of ${row.author} on ${row.id} ${before}`];
    });
};
