// Contract of the judgement over failed queries.
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { isAway, isOutOfReach, isRefusedData, isRepeatable, NoAnswer } from "./away.ts";

const failed = (code: string): Error => Object.assign(new Error("refused"), { code });

describe("a failed query", () => {
  it.each([
    "ECONNREFUSED",
    "CONNECTION_CLOSED",
    "57P01",
    "57P03",
    "57014",
    "53100",
    "53300",
    "25006",
    "08006",
    "28P01",
    "58030",
  ])("%s says that Postgres is away and nothing of the data", (code) =>
    expect([isAway(failed(code)), isRefusedData(failed(code)), isRepeatable(failed(code))]).toEqual([
      true,
      false,
      false,
    ]),
  );

  it("of a server that will not write says that it is away, and not that it is out of reach", () => {
    const codes = ["25006", "53100", "53200", "53300", "57P01", "ECONNREFUSED"];
    expect(codes.filter((code) => isOutOfReach(failed(code)))).toEqual(["53300", "57P01", "ECONNREFUSED"]);
    expect(codes.every((code) => isAway(failed(code)))).toBe(true);
  });

  it.each(["22021", "22P02", "23502", "23514", "54000"])("%s says that the data is refused", (code) =>
    expect([isAway(failed(code)), isRefusedData(failed(code))]).toEqual([false, true]),
  );

  it.each(["40P01", "40001"])("%s asks for a repeat", (code) =>
    expect([isAway(failed(code)), isRefusedData(failed(code)), isRepeatable(failed(code))]).toEqual([
      false,
      false,
      true,
    ]),
  );

  it("of a fault of ours is none of these", () => {
    for (const error of [failed("42P01"), new Error("plain"), undefined, "text"]) {
      expect([isAway(error), isRefusedData(error), isRepeatable(error)]).toEqual([false, false, false]);
    }
  });

  it("without an answer in time, or told to a client as unavailable, is away", () => {
    expect(isAway(new NoAnswer(1))).toBe(true);
    expect(isAway(new ChatError("unavailable", "no"))).toBe(true);
    expect(isAway(new ChatError("internal", "no"))).toBe(false);
  });
});
