// Owns the rules about who is told to have come and gone, judged over all histories. Called by the checker's table. Pure.
// Must say nothing of a run in which a signal may have been lost, or a living edge given up: nobody is promised more then.
import type { Evidence } from "./evidence.ts";
import type { StampedEvent } from "./history.ts";

/** What one event overtakes on its way to another client. */
const SLACK_MS = 1000;

/** Of one user in one channel, whoever is told of comings is told of them in turns, as long as they are joined themselves. */
export const outOfTurn = ({ clients, areSignalsWhole }: Evidence): string[] =>
  clients.flatMap(({ client, events }) => {
    const told = new Map<string, Map<string, string>>();
    return events.flatMap((event) => {
      if (!areSignalsWhole) return [];
      if (event.kind === "closed") told.clear();
      else if (event.kind === "start" || event.kind === "leave") told.delete(event.channel);
      if (event.kind !== "coming") return [];
      const { channel, user, what } = event;
      const known = told.get(channel) ?? new Map<string, string>();
      const before = known.get(user);
      told.set(channel, known.set(user, what));
      return before === what ? [`${client} was told twice in a row that ${user} has ${what} ${channel}`] : [];
    });
  });

interface Stay {
  readonly client: string;
  readonly user: string;
  readonly channel: string;
  readonly fromMs: number;
  untilMs: number;
}

const staysOf = (client: string, user: string, events: readonly StampedEvent[]): Stay[] => {
  const stays: Stay[] = [];
  const open = new Map<string, Stay>();
  for (const event of events) {
    if (event.kind === "start" && !open.has(event.channel)) {
      const stay = { client, user, channel: event.channel, fromMs: event.atMs, untilMs: Number.POSITIVE_INFINITY };
      open.set(event.channel, stay);
      stays.push(stay);
    }
    const ended = event.kind === "closed" ? [...open.keys()] : event.kind === "leave" ? [event.channel] : [];
    for (const channel of ended) {
      const stay = open.get(channel);
      if (stay !== undefined) stay.untilMs = event.atMs;
      open.delete(channel);
    }
  }
  return stays;
};

/** Nobody is told to have left who is there on any device. */
export const leftWhileThere = ({ clients, areSignalsWhole }: Evidence): string[] => {
  if (!areSignalsWhole) return [];
  const stays = clients.flatMap(({ client, user, events }) => staysOf(client, user, events));
  return clients.flatMap(({ client, events }) =>
    events.flatMap((event) => {
      if (event.kind !== "coming" || event.what !== "left") return [];
      const { channel, user, atMs } = event;
      const stay = stays.find(
        (each) =>
          each.channel === channel &&
          each.user === user &&
          each.fromMs + SLACK_MS <= atMs &&
          atMs + SLACK_MS <= each.untilMs,
      );
      return stay === undefined ? [] : [`${client} was told that ${user} has left ${channel}, where ${stay.client} is`];
    }),
  );
};
