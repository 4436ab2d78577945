import { describe, expect, it } from "vitest";
import { BREAKS } from "./breaks.ts";
import { FAULTS } from "./faults/all-faults.ts";
import { drawMix } from "./mix.ts";
import { readOptions, usage, UsageError } from "./options.ts";
import { createRandom } from "./random.ts";

const TABLES = { faults: FAULTS, breaks: BREAKS };
const read = (...argv: string[]) => readOptions(argv, TABLES);

describe("the command line of the lab", () => {
  it("runs every fault of a single server when nothing is said, under a seed of its own", () => {
    const faults = FAULTS.filter(({ topologies }) => topologies.includes("single"));
    expect(read()).toMatchObject({
      faults,
      redis: "single",
      ack: "fast",
      minutes: undefined,
      isMixed: false,
      breaks: [],
    });
  });

  it("takes names, a topology, a time and a seed", () => {
    const given = read(
      "--fault",
      "edge-killed",
      "--fault",
      "edge-frozen",
      "--redis",
      "cluster",
      "--minutes",
      "0.5",
      "--seed",
      "7",
    );
    expect(given).toMatchObject({ redis: "cluster", minutes: 0.5, seed: 7 });
    expect(typeof given === "string" ? [] : given.faults.map(({ name }) => name)).toEqual([
      "edge-killed",
      "edge-frozen",
    ]);
    expect(read("--redis", "sentinel", "--ack", "safe")).toMatchObject({ redis: "sentinel", ack: "safe" });
    expect(read("--list")).toBe("list");
    expect(read("--prove")).toMatchObject({ breaks: BREAKS });
  });

  it.each([
    [["--fault", "nonsense"], "no fault is called nonsense"],
    [["--break", "nonsense"], "no break is called nonsense"],
    [["--redis", "ring"], "--redis is one of single, sentinel, cluster"],
    [["--ack", "soon", "--redis", "cluster"], "--ack is one of fast, safe"],
    [["--ack", "safe"], "--ack safe needs a Redis that has replicas"],
    [["--minutes", "0"], "--minutes is a number above 0"],
    [["--fault", "master-killed"], "none of these faults is injected into single"],
    [["--wat"], /^Unknown option '--wat'$/],
    [["subscriber-cut"], /^Unexpected argument 'subscriber-cut'/],
  ])("refuses %s", (argv, words) => {
    expect(() => read(...argv)).toThrow(UsageError);
    expect(() => read(...argv)).toThrow(words);
  });
});

describe("the help of the lab", () => {
  it("is asked for before anything else is judged", () => {
    expect(read("--help", "--redis", "ring")).toBe("help");
    expect(read("-h")).toBe("help");
  });

  it("has a line for each option and an example that is understood", () => {
    const told = [...usage().matchAll(/^ {2}--([a-z]+)( <\w+>)? +\S/gm)].map(([, name]) => name);
    expect(told).toEqual(["help", "list", "fault", "redis", "ack", "minutes", "seed", "mixed", "break", "prove"]);
    const [, example = ""] = /^Example:\n {2}npm run lab -- (.*)$/m.exec(usage()) ?? [];
    expect(read(...example.split(" "))).toMatchObject({ minutes: 5, seed: 7 });
  });
});

describe("the table of faults", () => {
  it("names each once, with a promise that it attacks and something that shows that it was felt", () => {
    expect(new Set(FAULTS.map(({ name }) => name)).size).toBe(FAULTS.length);
    for (const { name, attacks, bites } of FAULTS) {
      expect(attacks, name).toMatch(/^A[1-7]( A[1-7])*$/);
      expect(bites.length, name).toBeGreaterThan(0);
    }
  });
});

it("a mix joins no two faults that touch the same thing, and is the same under the same seed", () => {
  const names = (seed: number): string[] => drawMix(FAULTS, createRandom(seed)).map(({ name }) => name);
  for (let seed = 1; seed <= 50; seed += 1) {
    const touched = drawMix(FAULTS, createRandom(seed)).flatMap(({ touches }) => touches);
    expect(new Set(touched).size).toBe(touched.length);
    expect(names(seed)).toEqual(names(seed));
    expect(names(seed).length).toBeGreaterThan(1);
  }
});
