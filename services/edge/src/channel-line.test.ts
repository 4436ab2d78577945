import { array, assert, asyncProperty, boolean, nat, record } from "fast-check";
import { describe, expect, it } from "vitest";
import { ChannelLine } from "./channel-line.ts";

/** Commands whose steps a test takes by hand. */
function rig() {
  const began: string[] = [];
  const empties: number[] = [];
  const line = new ChannelLine(() => void empties.push(began.length));
  const steps = new Map<string, { stand: () => void; answer: () => void }>();
  const take = (name: string, isSend: boolean): void =>
    line.take((stand) => {
      began.push(name);
      return new Promise((answer) => steps.set(name, { stand, answer }));
    }, isSend);
  return {
    ...{ line, began, empties },
    send: (name: string) => take(name, true),
    other: (name: string) => take(name, false),
    stand: (name: string) => steps.get(name)?.stand(),
    answer: async (name: string): Promise<void> => {
      steps.get(name)?.answer();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe("the line of a channel", () => {
  it("lets a send pass those that stand in the publisher's queue, before they are answered", () => {
    const { began, send, stand } = rig();
    send("1");
    stand("1");
    send("2");
    expect(began).toEqual(["1", "2"]);
  });

  it("keeps a send behind one that does not stand yet, since its rights are still being read", () => {
    const { began, send, stand } = rig();
    send("1");
    send("2");
    expect(began).toEqual(["1"]);
    stand("1");
    expect(began).toEqual(["1", "2"]);
  });

  it("keeps every other command behind the answers to all sends before it", async () => {
    const { began, send, other, stand, answer } = rig();
    for (const name of ["1", "2"]) {
      send(name);
      stand(name);
    }
    other("history");
    await answer("2");
    expect(began).toEqual(["1", "2"]);
    await answer("1");
    expect(began).toEqual(["1", "2", "history"]);
  });

  it("lets no send pass another command, whether that is under way or waits", async () => {
    const { began, send, other, stand, answer } = rig();
    send("1");
    stand("1");
    other("leave");
    send("2");
    expect(began).toEqual(["1"]);
    await answer("1");
    expect(began).toEqual(["1", "leave"]);
    await answer("leave");
    expect(began).toEqual(["1", "leave", "2"]);
  });

  it("goes on behind a command that failed or was done at once", async () => {
    const { line, began, send } = rig();
    line.take(() => Promise.reject(new Error("a fault")), false);
    line.take(() => {
      began.push("at once");
      return undefined;
    }, false);
    send("1");
    await new Promise((resolve) => setImmediate(resolve));
    expect(began).toEqual(["at once", "1"]);
  });

  it("takes thousands that are done at once behind one that was not", async () => {
    const { line, other, answer, empties } = rig();
    other("slow");
    let done = 0;
    for (let n = 0; n < 20_000; n += 1) line.take(() => void (done += 1), false);
    expect(line.waiting).toBe(20_000);
    await answer("slow");
    expect([done, line.waiting, empties]).toEqual([20_000, 0, [1]]);
  });

  it("says that it is empty, and is idle, when the last is answered", async () => {
    const { line, empties, send, other, stand, answer } = rig();
    send("1");
    stand("1");
    other("2");
    let isIdle = false;
    void line.idle().then(() => (isIdle = true));
    await answer("1");
    expect([empties, isIdle]).toEqual([[], false]);
    await answer("2");
    expect([empties, isIdle]).toEqual([[2], true]);
  });

  it("begins everything once and in order, whatever stands and is answered when", async () => {
    const command = record({ isSend: boolean(), standsAfter: nat(3), answersAfter: nat(3) });
    await assert(
      asyncProperty(array(command, { maxLength: 12 }), async (commands) => {
        const [began, overtook]: [number[], number[]] = [[], []];
        const open = new Set<number>();
        const line = new ChannelLine(() => undefined);
        const turns = async (count: number): Promise<void> => {
          for (let n = 0; n < count; n += 1) await Promise.resolve();
        };
        for (const [n, { isSend, standsAfter, answersAfter }] of commands.entries()) {
          line.take(async (stand) => {
            began.push(n);
            overtook.push(...[...open].filter((each) => !(isSend && commands[each]?.isSend)));
            open.add(n);
            await turns(standsAfter);
            if (isSend) stand();
            await turns(answersAfter);
            open.delete(n);
          }, isSend);
        }
        if (commands.length > 0) await line.idle();
        expect([began, overtook]).toEqual([commands.map((_, n) => n), []]);
      }),
    );
  });
});
