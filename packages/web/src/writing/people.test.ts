import type { Message, Person } from "@rookery/client";
import { describe, expect, it } from "vitest";
import { peopleFor, peopleListed } from "./people.ts";

const person = (user: string, name = user): Person => ({ user, name });
const by = (user: string, name: string, seq: number): Message => ({
  ...{ type: "message", channel: "c", epoch: 1, seq, id: String(seq), clientId: String(seq), at: 0, body: "" },
  ...{ user, name },
});
const namesFor = (part: string, present: Person[], messages: Message[] = []): string[] =>
  peopleFor(part, { present, messages }, "me").map(({ name }) => name);

describe("the people for what is typed", () => {
  it("are those present and those who wrote, each once, under the name that is newest, without oneself", () => {
    const messages = [by("bo", "Old Bo", 1), by("bo", "Bo", 2), by("me", "Me", 3), by("cy", "Cy", 4)];
    expect(namesFor("", [person("ann", "Ann"), person("cy", "Cyrus")], messages)).toEqual(["Ann", "Bo", "Cyrus"]);
  });

  it("stand in the order of how well they fit, without regard to case and accents", () => {
    const people = [person("u1", "Marie Zoë"), person("u2", "Zoé"), person("u3", "Amazoe"), person("zo", "Q")];
    expect(namesFor("zoe", people)).toEqual(["Zoé", "Marie Zoë", "Amazoe"]);
    expect(namesFor("zo", people)[0]).toBe("Q");
  });

  it("are those alone whom a mention can name", () => {
    expect(namesFor("", [person("a b", "Spaced"), person("ok", "Ok")])).toEqual(["Ok"]);
  });

  it("are few, however many there are", () => {
    expect(
      namesFor(
        "",
        Array.from({ length: 50 }, (_, n) => person(`p${n}`)),
      ),
    ).toHaveLength(8);
  });
});

describe("the list of people", () => {
  const me = person("me", "Me");
  const list = (part: string): string[] =>
    peopleListed([person("z", "Zoë"), me, person("b", "bo"), person("a", "Ann")], me, part).map(({ name }) => name);

  it("begins with oneself, once, and has the others by name", () => {
    expect(list("")).toEqual(["Me", "Ann", "bo", "Zoë"]);
    expect(peopleListed([], me, "").map(({ user }) => user)).toEqual(["me"]);
  });

  it("has those alone who are sought, where somebody is", () => {
    expect(list(" ZOE ")).toEqual(["Zoë"]);
    expect(list("nobody")).toEqual([]);
  });
});
