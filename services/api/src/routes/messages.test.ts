// Contract of publishing and listing over HTTP: the same checks and codes as a `send`, and frames that nobody touches.
import type { Publication } from "@rookery/broker";
import { describe, expect, it } from "vitest";
import { fakeServer, userToken } from "../fake-server.fixture.ts";

const path = "/v1/channels/lobby/messages";

describe("a publication", async () => {
  const { ask, api } = await fakeServer();

  it.each<[string, unknown, string, string]>([
    ["no text", {}, "bad_frame", "body"],
    ["text of a wrong type", { body: 5 }, "bad_frame", "body"],
    ["empty text", { body: "" }, "invalid", "body"],
    ["a control character", { body: "a\u0000b" }, "invalid", "body"],
    ["half a surrogate pair", { body: "\ud800" }, "invalid", "body"],
    ["text of 4097 bytes", { body: "é".repeat(2048) + "a" }, "too_large", "body"],
    ["a clientId outside the grammar", { body: "hi", clientId: "a b" }, "invalid", "clientId"],
    ["a clientId of a wrong type", { body: "hi", clientId: 5 }, "bad_frame", "clientId"],
    ["a clientId of null", { body: "hi", clientId: null }, "bad_frame", "clientId"],
    ["a replyTo that is no id", { body: "hi", replyTo: "x" }, "invalid", "replyTo"],
    ["nested meta", { body: "hi", meta: { a: {} } }, "bad_frame", "meta"],
    ["meta over its limit", { body: "hi", meta: { a: "x".repeat(1100) } }, "too_large", "meta"],
    ["31 marks in a row", { body: `a${"\u0323".repeat(31)}` }, "invalid", "body"],
    ["a number that no double holds", '{"body":"hi","meta":{"id":12345678901234567890}}', "invalid", "meta"],
    ["a user behind a bidi override", { body: "hi", user: "a\u202eb" }, "invalid", "user"],
    ["a user whom nobody can see", { body: "hi", user: "\u200b" }, "invalid", "user"],
    ["a user of a wrong type", { body: "hi", user: 5 }, "bad_frame", "user"],
    ["a user with a space at its end", { body: "hi", user: "ann " }, "invalid", "user"],
    ["a name of a wrong type", { body: "hi", name: 5 }, "bad_frame", "name"],
    ["a null where text belongs", { body: "hi", clientId: null, user: null }, "bad_frame", "user"],
    ["nesting without end", { body: "hi", x: JSON.parse(`${"[".repeat(30)}${"]".repeat(30)}`) }, "bad_frame", ""],
  ])("with %s is refused, naming the field", async (_what, body, code, field) => {
    const { json, status } = await ask("POST", path, { body });
    expect([json["code"], status]).toEqual([code, code === "too_large" ? 413 : 400]);
    expect(json["detail"]).toContain(field === "" ? "" : `"${field}"`);
    expect(json["detail"]).not.toContain("$");
  });

  it.each([
    ["no channel id", "/v1/channels/-x/messages", "invalid"],
    ["a direct channel", "/v1/channels/dm:x/messages", "not_found"],
  ])("into %s is refused", async (_what, url, code) => {
    expect((await ask("POST", url, { body: { body: "hi" } })).json["code"]).toBe(code);
    expect((await ask("GET", url)).json["code"]).toBe(code);
  });

  it("nothing of which was let through reached the script", () => {
    expect(api.publications).toEqual([]);
  });

  it("ends its lines with newlines, however they were sent", async () => {
    await ask("POST", path, { body: { body: "one\r\ntwo\rthree" } });
    expect(api.publications.pop()?.halves.tail).toContain('"body":"one\\ntwo\\nthree"');
  });

  it("by a backend is by `server`, or by whom it names", async () => {
    await ask("POST", path, { body: { body: "one" } });
    await ask("POST", path, { body: { body: "two", user: "ann", name: " Ann\u202e " } });
    expect(api.publications.map(({ user }) => user)).toEqual(["server", "ann"]);
    expect(api.publications.map(({ halves }) => /"name":"([^"]*)"/.exec(halves.tail)?.[1])).toEqual(["server", "Ann"]);
  });

  it("by a user is by that user, under the token's name, and by nobody else", async () => {
    const as = await userToken("bob", "Bob");
    const { status } = await ask("POST", path, { as, body: { body: "hi", name: "Ann", user: "bob" } });
    expect(status).toBe(201);
    expect(api.publications.at(-1)?.user).toBe("bob");
    expect(api.publications.at(-1)?.halves.tail).toContain('"name":"Bob"');
    expect((await ask("POST", path, { as, body: { body: "hi", user: "ann" } })).json["code"]).toBe("forbidden");
  });

  it("may have as many keys as any body, known or not", async () => {
    const others = Object.fromEntries(Array.from({ length: 63 }, (_, n) => [`x${n}`, n]));
    expect((await ask("POST", path, { body: { body: "hi", ...others } })).status).toBe(201);
    const { json } = await ask("POST", path, { body: { body: "hi", ...others, another: 1 } });
    expect(json).toMatchObject({ code: "bad_frame", detail: "an object may hold 64 keys at most" });
  });

  it("answers its position, and the clientId that was made for it", async () => {
    const { status, json } = await ask("POST", path, { body: { body: "hi", unknown: 1, ref: 5, type: "join" } });
    expect(status).toBe(201);
    expect(json).toEqual({
      channel: "lobby",
      id: expect.stringMatching(/^[\w-]{21}$/),
      clientId: expect.stringMatching(/^[\w-]{21}$/),
      epoch: 1,
      seq: api.frames.length,
      at: 1000,
    });
  });

  it("repeated answers the first position as a duplicate; with other text it is a conflict", async () => {
    const send = (body: string, clientId = "same") => ask("POST", path, { body: { body, clientId } });
    const first = await send("hi");
    const again = await send("hi");
    expect(again.status).toBe(201);
    expect(again.json).toEqual({ ...first.json, duplicate: true });
    const other = await send("ho");
    expect([other.status, other.json["code"]]).toEqual([409, "conflict"]);
  });

  it("takes an Idempotency-Key for a clientId that is not given", async () => {
    const send = (key: string, body: object) =>
      ask("POST", path, { body: { body: "keyed", ...body }, headers: { "idempotency-key": key } });
    expect((await send("key-1", {})).json).toMatchObject({ clientId: "key-1" });
    expect((await send('"key-1"', {})).json).toMatchObject({ clientId: "key-1", duplicate: true });
    expect((await send("key-1", { clientId: "own" })).json).toMatchObject({ clientId: "own" });
    for (const body of [{}, { clientId: "own" }]) {
      const { json } = await send("no key", body);
      expect([json["code"], json["detail"]]).toEqual(["invalid", expect.stringContaining('"Idempotency-Key"')]);
    }
  });

  it("hands on how to ask for the rights again, for when they prove to have changed", async () => {
    const judged = await fakeServer();
    const real = { ...judged.api.publisher };
    Object.assign(judged.api.publisher, {
      publish: async (publication: Publication) =>
        real.publish({ ...publication, rightsVersion: await publication.freshRights() }),
    });
    expect((await judged.ask("POST", path, { body: { body: "hi" } })).status).toBe(201);
    expect(judged.api.publications.at(-1)).toMatchObject({ rightsVersion: 0 });
  });
});

describe("a page", async () => {
  const { ask, api } = await fakeServer();
  for (const body of ["one", "two", "three"]) await ask("POST", path, { body: { body } });

  it("holds the finished frames as they are", async () => {
    const { text, headers, status } = await ask("GET", path);
    expect(status).toBe(200);
    expect(text).toBe(`{"messages":[${api.frames.map(({ frame }) => frame).join(",")}],"more":false}`);
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
  });

  it.each([
    ["", "one two three", false],
    ["?limit=2", "two three", true],
    ["?before=1-3", "one two", false],
    ["?before=1-3&limit=1", "two", true],
    ["?after=0-0&limit=2", "one two", true],
    ["?after=1-2", "three", false],
    ["?after=1-3", "", false],
    ["?limit=100000", "one two three", false],
  ])("for %j holds %j", async (query, bodies, more) => {
    const { json } = await ask("GET", `${path}${query}`);
    const messages: readonly unknown[] = Array.isArray(json["messages"]) ? json["messages"] : [];
    expect(messages.map((message) => Object(message)["body"]).join(" ")).toBe(bodies);
    expect(json["more"]).toBe(more);
  });

  it.each([
    ["?limit=0", "limit"],
    ["?limit=x", "limit"],
    ["?limit=1.5", "limit"],
    ["?limit=1&limit=2", "limit"],
    ["?before=1", "before"],
    ["?after=1-", "after"],
    ["?after=9999999999999999-1", "after"],
    ["?after=1-1&before=1-2", "before"],
  ])("for %j is refused, naming the field", async (query, field) => {
    const { status, json } = await ask("GET", `${path}${query}`);
    expect([status, json["code"]]).toEqual([400, "invalid"]);
    expect(json["detail"]).toContain(`"${field}"`);
  });

  it("that cannot be shown to follow its position is not passed off as one", async () => {
    expect((await ask("GET", `${path}?after=9-1`)).json["code"]).toBe("not_found");
  });

  it("of a channel that is not there is not_found, or empty where channels make themselves", async () => {
    const strict = await fakeServer({ autoCreate: false, channels: ["lobby"] });
    expect((await strict.ask("GET", "/v1/channels/attic/messages")).json["code"]).toBe("not_found");
    expect((await strict.ask("POST", "/v1/channels/attic/messages", { body: { body: "hi" } })).status).toBe(404);
    expect((await strict.ask("POST", path, { body: { body: "hi" } })).status).toBe(201);
    const free = await fakeServer();
    expect((await free.ask("GET", "/v1/channels/attic/messages")).json).toEqual({ messages: [], more: false });
  });
});
