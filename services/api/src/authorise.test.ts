// Contract of the one question whether somebody may do a thing in a channel.
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { createAuthorise } from "./authorise.ts";

function authoriser({ autoCreate = false, channels = ["lobby"], remembered = 10 } = {}) {
  const known = new Set(channels);
  const calls: string[] = [];
  const away = { postgres: false };
  const authorise = createAuthorise({
    channelExists: async (channel) => {
      calls.push(`find ${channel}`);
      if (away.postgres) throw new ChatError("unavailable", "away");
      return known.has(channel);
    },
    createPublic: async (channel, owner) => {
      calls.push(`create ${channel} for ${owner}`);
      known.add(channel);
    },
    rightsVersion: async (channel) => {
      calls.push(`version ${channel}`);
      return 3;
    },
    autoCreate,
    remembered,
  });
  return { authorise, calls, away };
}

describe("authorise", () => {
  it("grants in a channel that is there, with the version of its rights", async () => {
    const { authorise } = authoriser();
    expect(await authorise("ann", "lobby", "write")).toEqual({ role: "member", version: 3 });
  });

  it("says not_found of a channel that is not there", async () => {
    const { authorise, calls } = authoriser();
    await expect(authorise("ann", "attic", "write")).rejects.toMatchObject({
      code: "not_found",
      details: { channel: "attic" },
    });
    expect(calls).toEqual(["find attic"]);
  });

  it("makes a channel for whoever writes first, where channels make themselves", async () => {
    const { authorise, calls } = authoriser({ autoCreate: true });
    await authorise("ann", "attic", "write");
    await authorise("bob", "attic", "write");
    expect(calls).toEqual(["create attic for ann", "version attic"]);
  });

  it("makes no channel for a reader, who finds it empty", async () => {
    const { authorise, calls } = authoriser({ autoCreate: true });
    await authorise("ann", "attic", "history");
    expect(calls).toEqual(["find attic", "version attic"]);
    await authorise("ann", "attic", "write");
    expect(calls).toContain("create attic for ann");
  });

  it("keeps direct channels hidden, however channels are made", async () => {
    const { authorise } = authoriser({ autoCreate: true, channels: ["dm:x"] });
    await expect(authorise("ann", "dm:x", "write")).rejects.toMatchObject({ code: "not_found" });
  });

  it("asks nobody again about a channel it knows, also while Postgres is away", async () => {
    const { authorise, calls, away } = authoriser();
    await authorise("ann", "lobby", "history");
    away.postgres = true;
    await authorise("bob", "lobby", "write");
    expect(calls).toEqual(["find lobby", "version lobby"]);
    await expect(authorise("bob", "attic", "write")).rejects.toMatchObject({ code: "unavailable" });
  });

  it("reads only the version again when it is called stale", async () => {
    const { authorise, calls } = authoriser();
    await authorise("ann", "lobby", "write");
    await authorise("ann", "lobby", "write", "fresh");
    expect(calls).toEqual(["find lobby", "version lobby", "version lobby"]);
  });

  it("remembers no more channels than it may", async () => {
    const { authorise, calls } = authoriser({ channels: ["a", "b"], remembered: 1 });
    for (const channel of ["a", "b", "a"]) await authorise("ann", channel, "write");
    expect(calls.filter((call) => call === "find a")).toHaveLength(2);
  });
});
