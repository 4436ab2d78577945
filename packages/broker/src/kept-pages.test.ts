// Contract of kept pages: given again while the channel stands where it stood, never when Postgres had a part in them or may
// have another word on them, charged as if they had been read, and bounded.
import { ORIGIN } from "@rookery/protocol";
import type { Position } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import type { ChannelHead } from "./channel-head.ts";
import { createKeptPages } from "./kept-pages.ts";
import type { LogEntry, LogView } from "./log.ts";
import { createReading } from "./reading.ts";

const at = (seq: number, epoch = 1): Position => ({ epoch, seq });

function rig(mostBytes?: number) {
  const state: {
    head: ChannelHead | undefined;
    since: LogEntry[];
    looks: number;
    reads: number;
    statements: number;
    nowMs: number;
  } = {
    nowMs: 0,
    since: [],
    looks: 0,
    head: { position: at(2), saved: ORIGIN },
    reads: 0,
    statements: 0,
  };
  const up = (): Promise<LogView> => {
    state.looks += 1;
    const { head } = state;
    return Promise.resolve({ head, born: 1, start: undefined, ended: "end", entries: state.since });
  };
  const kept = createKeptPages({
    log: { head: () => Promise.resolve(state.head), up },
    nowMs: () => state.nowMs,
    ...(mostBytes === undefined ? {} : { mostBytes }),
  });
  const ask = (channel: string, { limit = 2, more = true } = {}, reading = createReading()) =>
    kept(channel, { channel, limit, maxBytes: 1000, atLeastOne: true }, reading, () => {
      state.reads += 1;
      reading.bytes += 100;
      reading.entries += 3;
      reading.statements += state.statements;
      const frames = [at(1), at(2)].map((position) => ({ position, frame: "x".repeat(20) }));
      return Promise.resolve({ frames, more, head: state.head ?? { position: ORIGIN, saved: ORIGIN } });
    });
  return { state, ask };
}

describe("a page that is kept", () => {
  it("is the very same while the channel stands, and is charged as if it had been read", async () => {
    const { state, ask } = rig();
    const first = await ask("lobby");
    const reading = createReading();
    expect(await ask("lobby", {}, reading)).toBe(first);
    expect([state.reads, reading.bytes, reading.entries]).toEqual([1, 100, 3]);
  });

  it("is read anew after an hour, since what is too old goes without a position, however often it was asked for", async () => {
    const { state, ask } = rig();
    const hours = [0, 0.5, 1, 1.001, 2];
    for (const hour of hours) {
      state.nowMs = hour * 3_600_000;
      await ask("lobby");
    }
    expect(state.reads).toBe(2);
  });

  it("is read anew once anything has happened, and where Redis does not hold the channel", async () => {
    const { state, ask } = rig();
    await ask("lobby");
    state.head = { position: at(3), saved: ORIGIN };
    await ask("lobby");
    state.head = { position: at(3, 2), saved: ORIGIN };
    await ask("lobby");
    state.head = undefined;
    await ask("lobby");
    expect(state.reads).toBe(4);
  });

  it("is led on by messages that came since, and no further than they go", async () => {
    const { state, ask } = rig();
    await ask("lobby");
    const message = (seq: number, more = ""): LogEntry => {
      return { position: at(seq), frame: `{"type":"message","id":"${seq}"${more}}` };
    };
    state.head = { position: at(3), saved: ORIGIN };
    state.since = [{ position: at(2) }, message(3)];
    const page = await ask("lobby");
    expect(page.frames.map(({ position }) => position.seq)).toEqual([2, 3]);
    expect([page.more, page.head, state.looks]).toEqual([true, state.head, 1]);
    expect([await ask("lobby"), state.reads]).toEqual([page, 1]);
    const edited = { position: at(4), frame: '{"type":"edited","id":"3"}' };
    const strange = [[edited], [message(4, ',"replyTo":"3"')], [message(5)], [message(4, ',"deleted":true')], []];
    for (const since of strange) {
      state.head = { position: at(3), saved: ORIGIN };
      await ask("lobby");
      state.reads = 0;
      state.head = { position: at(4), saved: ORIGIN };
      state.since = since;
      await ask("lobby");
      expect(state.reads).toBe(1);
    }
  });

  it("is read anew when much has come since", async () => {
    const { state, ask } = rig();
    await ask("lobby");
    state.head = { position: at(200), saved: ORIGIN };
    await ask("lobby");
    expect([state.reads, state.looks]).toEqual([2, 0]);
  });

  it("tells what is saved by now, but is read anew when the first of its epoch is saved", async () => {
    const { state, ask } = rig();
    state.head = { position: at(2, 2), saved: at(1, 1) };
    await ask("lobby");
    state.head = { position: at(2, 2), saved: at(1, 2) };
    await ask("lobby");
    expect(state.reads).toBe(2);
    state.head = { position: at(2, 2), saved: at(2, 2) };
    expect((await ask("lobby")).head.saved).toEqual(at(2, 2));
    expect(state.reads).toBe(2);
  });

  it("is one that Postgres had no part in, and that was not cut short", async () => {
    const { state, ask } = rig();
    state.statements = 1;
    await ask("lobby");
    await ask("lobby");
    expect(state.reads).toBe(2);
    state.statements = 0;
    for (let n = 0; n < 2; n += 1) await ask("attic", { limit: 3, more: true });
    expect(state.reads).toBe(4);
    for (let n = 0; n < 2; n += 1) await ask("cellar", { limit: 3, more: false });
    expect(state.reads).toBe(5);
  });

  it("makes room for others, the one that was asked for longest ago first", async () => {
    const { state, ask } = rig(1800);
    for (const channel of ["lobby", "attic", "lobby", "cellar"]) await ask(channel);
    expect(state.reads).toBe(3);
    await ask("lobby");
    expect(state.reads).toBe(3);
    await ask("attic");
    expect(state.reads).toBe(4);
  });
});
