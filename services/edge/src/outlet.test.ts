import { describe, expect, it } from "vitest";
import { createOutlet } from "./outlet.ts";
import { sessionOn } from "./session.fixture.ts";
import type { Session } from "./session.ts";

describe("what is published", () => {
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  function rig() {
    const did: string[] = [];
    let whileTold = (_frame: string): void => undefined;
    const outlet = createOutlet((topic, frame, except) => {
      did.push(`${topic} ${String(frame)}${except === undefined ? "" : ` not ${except.id}`}`);
      whileTold(String(frame));
    });
    const session = (id: string): Session => sessionOn({ end: (code) => void did.push(`${id} ${code}`) }, id);
    const drops = (at: string, dropped: readonly Session[]): void => {
      whileTold = (frame) => frame === at && dropped.forEach((each) => outlet.dropped(each));
    };
    return { did, outlet, session, drops };
  }

  it("goes out at once while everybody keeps up", () => {
    const { did, outlet } = rig();
    outlet.publish("m/a", "1");
    outlet.publish("m/a", "2");
    expect(did).toEqual(["m/a 1", "m/a 2"]);
  });

  it("waits behind a dropped frame until all that lost one are sent away, and keeps its order", async () => {
    const { did, outlet, session, drops } = rig();
    drops("2", [session("x"), session("y")]);
    for (const frame of ["1", "2", "3"]) outlet.publish("m/a", frame);
    outlet.publish("m/b", "4", session("z"));
    expect(did).toEqual(["m/a 1", "m/a 2"]);
    await turn();
    outlet.publish("m/a", "5");
    expect(did).toEqual(["m/a 1", "m/a 2", "x 4001", "y 4001", "m/a 3", "m/b 4 not z", "m/a 5"]);
  });

  it("waits again when what was held is dropped by the next", async () => {
    const { did, outlet, session, drops } = rig();
    drops("1", [session("x")]);
    for (const frame of ["1", "2", "3"]) outlet.publish("m/a", frame);
    drops("2", [session("y")]);
    await turn();
    expect(did).toEqual(["m/a 1", "x 4001", "m/a 2"]);
    await turn();
    expect(did.slice(3)).toEqual(["y 4001", "m/a 3"]);
  });
});
