import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Ending, Member } from "./member.ts";
import { createSlot } from "./slot.ts";
import type { Slot } from "./slot.ts";

interface Acted {
  readonly member: Member;
  readonly end: (ending: Ending) => void;
}

/** A member that does what it is told; `stop` ends it with code 0, `kill` by SIGKILL. */
const actor = (pid: number): Acted => {
  let end = (_ending: Ending): void => undefined;
  const ended = new Promise<Ending>((resolve) => {
    end = resolve;
  });
  const stop = async (): Promise<void> => {
    end({ code: 0, signal: null });
    await ended;
  };
  const kill = (): void => end({ code: null, signal: "SIGKILL" });
  const lastLines = (): Promise<string[]> => Promise.resolve([`${pid} speaking`]);
  return { member: { pid, ended, lastLines, stop, kill }, end: (ending) => end(ending) };
};

interface Scene {
  readonly slot: Slot;
  /** `died` and `back` as they were told. */
  readonly told: string[];
  readonly until: (text: string) => Promise<void>;
}

/** Each start takes the next of `cast`; an Error is a start that fails. */
const scene = (restart: boolean, ...cast: readonly (Acted | Error)[]): Scene => {
  const told: string[] = [];
  const queue = [...cast];
  const start = (): Promise<Member> => {
    const next = queue.shift() ?? new Error("nobody is left");
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next.member);
  };
  const slot = createSlot("edge-1", start, {
    restart,
    died: (text) => told.push(text),
    drained: () => told.push("drained"),
    back: ({ pid }) => told.push(`back as ${pid}`),
  });
  const until = async (text: string): Promise<void> => {
    while (!told.some((each) => each.includes(text))) await delay(5);
  };
  return { slot, told, until };
};

const CRASH: Ending = { code: 1, signal: null };
const IN_ORDER: Ending = { code: 0, signal: null };

describe("a slot", () => {
  it("reports a death with the last lines and leaves it at that", async () => {
    const first = actor(1);
    const { slot, told, until } = scene(false, first, actor(2));
    await slot.open();
    first.end(CRASH);
    await until("ended");
    expect(told).toEqual(["edge-1 ended with exit code 1; its last lines:\n  1 speaking"]);
    expect(slot.member()).toBe(first.member);
  });

  it("brings the dead back, also when that fails at first", async () => {
    const [first, second] = [actor(1), actor(2)];
    const { slot, told, until } = scene(true, first, new Error("port taken"), second);
    await slot.open();
    first.end(CRASH);
    await until("back as");
    expect(told.slice(1)).toEqual(["edge-1 could not be brought back: port taken", "back as 2"]);
    expect(slot.member()).toBe(second.member);
  });

  it("tells of a member that was drained, and of no death, and starts it again all the same", async () => {
    const [first, second] = [actor(1), actor(2)];
    const { slot, told, until } = scene(true, first, second);
    await slot.open();
    first.end(IN_ORDER);
    await until("back as");
    second.end(CRASH);
    await until("ended");
    expect(told.slice(0, 3)).toEqual(["drained", "back as 2", expect.stringContaining("exit code 1")]);
    await slot.stop();
  });

  it("calls the end of what does not drain a death, whatever its exit code", async () => {
    const told: string[] = [];
    const server = actor(1);
    const hooks = { restart: false, drained: undefined, back: () => undefined };
    const slot = createSlot("redis", () => Promise.resolve(server.member), {
      ...hooks,
      died: (text) => told.push(text),
    });
    await slot.open();
    server.end(IN_ORDER);
    while (told.length === 0) await delay(5);
    expect(told).toEqual(["redis ended with exit code 0; its last lines:\n  1 speaking"]);
  });

  it("brings nobody back once it is told to stop", async () => {
    const first = actor(1);
    const { slot, told, until } = scene(true, first, actor(2));
    await slot.open();
    first.end(CRASH);
    await until("ended");
    expect(await slot.stop()).toBe("edge-1 ended with exit code 1");
    expect(told).toHaveLength(1);
    expect(slot.member()).toBe(first.member);
  });

  it("does not report the end that it asked for, and complains of an unclean one", async () => {
    const clean = scene(false, actor(1));
    await clean.slot.open();
    expect(await clean.slot.stop()).toBeUndefined();
    const killed = scene(false, actor(1));
    await killed.slot.open();
    killed.slot.kill();
    expect(await killed.slot.stop()).toBe("edge-1 was killed");
    expect([...clean.told, ...killed.told]).toEqual([]);
  });

  it("that was never filled has nothing to stop", async () => {
    const { slot } = scene(true);
    await expect(slot.open()).rejects.toThrow("nobody is left");
    expect(await slot.stop()).toBeUndefined();
  });

  it("stops a member whose start was still under way", async () => {
    const late = actor(1);
    let arrive = (): void => undefined;
    const arrival = new Promise<void>((resolve) => {
      arrive = resolve;
    });
    const start = async (): Promise<Member> => {
      await arrival;
      return late.member;
    };
    const slot = createSlot("redis", start, {
      ...{ restart: false, drained: undefined },
      ...{ died: () => undefined, back: () => undefined },
    });
    void slot.open();
    const stopped = slot.stop();
    arrive();
    expect(await stopped).toBeUndefined();
    expect(await late.member.ended).toEqual({ code: 0, signal: null });
  });
});
