// The same question about the past, asked by many in one turn of the loop, as by a crowd that joins a channel: one reading
// answers them all. It begins when the turn is over, so after whatever each of them did before asking: a join has subscribed
// by then, and must never be answered by a reading that began earlier. Used by history.ts.
// States of a question: asked (others may still join in), being read (whoever asks now asks anew).
import { createReading } from "./reading.ts";
import type { Reading } from "./reading.ts";

/** `question` names all that the answer depends on. Each asker's `reading` is charged for the whole, shared or not. */
export type AskTogether<Answer> = (
  question: string,
  reading: Reading,
  read: (shared: Reading) => Promise<Answer>,
) => Promise<Answer>;

interface Asked<Answer> {
  readonly readings: Reading[];
  readonly answer: Promise<Answer>;
  begin(this: void): void;
}

export function createAskTogether<Answer>(): AskTogether<Answer> {
  let asked = new Map<string, Asked<Answer>>();

  function beginAll(): void {
    const all = asked;
    asked = new Map();
    for (const { begin } of all.values()) begin();
  }

  return (question, reading, read) => {
    const same = asked.get(question);
    if (same !== undefined) {
      same.readings.push(reading);
      return same.answer;
    }
    if (asked.size === 0) setImmediate(beginAll);
    const made = askOnce(reading, read);
    asked.set(question, made);
    return made.answer;
  };
}

function askOnce<Answer>(first: Reading, read: (shared: Reading) => Promise<Answer>): Asked<Answer> {
  const readings = [first];
  const shared = createReading(() => readings.some((each) => each.isWanted()));
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => (begin = resolve));
  const answer = begun
    .then(() => read(shared))
    .finally(() => {
      for (const each of readings) {
        each.bytes += shared.bytes;
        each.entries += shared.entries;
        each.statements += shared.statements;
      }
    });
  return { readings, answer, begin };
}
