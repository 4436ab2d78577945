// Which sockets have something to write in this turn of the loop: each writes once, at its end, all that it was told; an
// answer that leaves by itself is a system call of its own. Made by the listener, which has it let go before anything is
// published, so that a socket hears what it is told and what everybody is told in the order of the program.
// States: empty; waiting (for the end of the turn, or for whatever is published first).

/** Somebody with something to write. */
export interface Writer {
  /** Writes all that waits, if it still can. */
  write(): void;
}

export interface TurnWrites {
  /** Once for each writer until it has written. */
  add(writer: Writer): void;
  /** Has all that wait write now, in the order in which they came. */
  letGo(this: void): void;
}

export function createTurnWrites(): TurnWrites {
  let waiting: Writer[] = [];

  function letGo(): void {
    if (waiting.length === 0) return;
    const writers = waiting;
    waiting = [];
    for (const writer of writers) writer.write();
  }

  return {
    add(writer) {
      if (waiting.length === 0) setImmediate(letGo);
      waiting.push(writer);
    },
    letGo,
  };
}
