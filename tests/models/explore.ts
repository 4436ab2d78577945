// Walks through every state that a small model can reach, breadth first, so that the first wrong one is shown by the
// shortest schedule that leads there. Called by tests of models alone. States are plain data: those that read the same are
// the same.

export interface Model<State> {
  readonly start: State;
  /** Everything that may happen next, by name, with the state after it. */
  steps(this: void, state: State): Iterable<readonly [name: string, next: State]>;
  /** What is wrong with a state, or undefined. */
  wrong(this: void, state: State): string | undefined;
}

export interface Explored {
  /** All there are, unless something was wrong. */
  readonly states: number;
  readonly wrong?: string;
  /** What happened, in order, up to the wrong state. */
  readonly schedule?: readonly string[];
}

interface Reached<State> {
  readonly state: State;
  readonly by: string;
  readonly from: Reached<State> | undefined;
}

/** Throws where there are more than `mostStates`: what was not looked at must not pass for looked at. */
export function explore<State>({ start, steps, wrong }: Model<State>, mostStates: number): Explored {
  const seen = new Set([JSON.stringify(start)]);
  const reached: Reached<State>[] = [{ state: start, by: "start", from: undefined }];
  for (const each of reached) {
    const fault = wrong(each.state);
    if (fault !== undefined) return { states: reached.length, wrong: fault, schedule: scheduleOf(each) };
    for (const [by, state] of steps(each.state)) {
      const key = JSON.stringify(state);
      if (seen.has(key)) continue;
      seen.add(key);
      if (seen.size > mostStates) throw new Error(`there are more than ${mostStates} states`);
      reached.push({ state, by, from: each });
    }
  }
  return { states: reached.length };
}

function scheduleOf<State>(last: Reached<State>): string[] {
  const schedule: string[] = [];
  for (let at: Reached<State> | undefined = last; at?.from !== undefined; at = at.from) schedule.unshift(at.by);
  return schedule;
}
