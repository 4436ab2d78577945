import { createHistory } from "@rookery/testkit";
import { expect, it } from "vitest";
import { excerptOf } from "./excerpt.ts";
import { countHistories } from "./seen.ts";

const EPOCH = 1_795_749_867_331;
const channel = "cut-1";

function speaker() {
  const ann = createHistory({ client: "cut-u1", user: "ann" });
  for (let seq = 1; seq <= 9; seq += 1) {
    ann.add({ kind: "send", session: 1, channel, clientId: `c${seq}`, body: "text" }, seq * 10);
    ann.add({ kind: "ok", channel, clientId: `c${seq}`, id: `m${seq}`, epoch: EPOCH, seq }, seq * 10 + 5);
  }
  return ann;
}

function listener() {
  const bob = createHistory({ client: "cut-u10", user: "bob" });
  bob.add({ kind: "start", session: 1, channel, head: { epoch: 0, seq: 0 }, recovered: false }, 0);
  for (const seq of [1, 2, 3, 5, 6]) {
    bob.add(
      { kind: "frame", session: 1, channel, via: "live", type: "message", id: `m${seq}`, epoch: EPOCH, seq },
      seq * 10 + 6,
    );
  }
  bob.add({ kind: "coming", session: 1, channel, user: "eve-1", what: "left" }, 100);
  return bob;
}

it("the excerpt of a hole is what stands at the position, and what its victim had on both sides of it", () => {
  const lines = excerptOf(`cut-u10 in cut-1: ${EPOCH}-4`, [speaker(), listener()], []);
  const shown = lines.map((line) => line.replace(/^(\S+) .*"kind":"(\w+)".*"seq":(\d+).*$/, "$1 $2 $3"));
  expect(shown).toEqual(["cut-u10 frame 3", "cut-u1 ok 4", "cut-u10 frame 5"]);
});

it("the excerpt of somebody's presence is what was told of them", () => {
  expect(excerptOf("cut-u10 saw eve-1 in cut-1 at 500", [speaker(), listener()], [])).toEqual([
    expect.stringContaining('"user":"eve-1","what":"left"'),
  ]);
});

it("a message counts once however often it is sent, and each attempt without an answer as unknown", () => {
  const ann = speaker();
  ann.add({ kind: "unknown", channel, clientId: "c10" });
  ann.add({ kind: "send", session: 1, channel, clientId: "c10", body: "text" });
  ann.add({ kind: "send", session: 2, channel, clientId: "c10", body: "text" });
  ann.add({ kind: "ok", channel, clientId: "c10", id: "m10", epoch: EPOCH, seq: 10, duplicate: true });
  ann.add({ kind: "send", session: 2, channel, clientId: "c11", body: "text" });
  ann.add({ kind: "refused", channel, clientId: "c11", code: "unavailable" });
  expect(countHistories([ann, listener()])).toEqual({
    ...{ sent: 11, senders: 1, acknowledged: 10, unknown: 1, refused: 1, duplicates: 1 },
    ...{ delivered: 5, gaps: 0, unrecovered: 0, closed: 0 },
  });
});
