// Contract of the route that explains: who may ask, what it finds, and that no text is in it.
import { newApiKey } from "@rookery/auth";
import { messageHalves, renderFrame } from "@rookery/protocol";
import { expect, it } from "vitest";
import { fakeServer, userToken } from "../fake-server.fixture.ts";

const { key, hash } = newApiKey();
const { ask, api } = await fakeServer({ keys: { [hash]: ["channels", "moderate", "publish", "tokens"] } });
const [stored, waiting] = ["stored".padStart(21, "_"), "waiting".padStart(21, "_")];
api.traced.set(stored, { channel: "lobby", epoch: 1, seq: 2, author: "ann", at: 50, deletedAt: null });
const halves = messageHalves({
  ...{ channel: "lobby", id: waiting, clientId: "c1", user: "ann", name: "Ann" },
  body: `a secret that names ${stored}`,
});
api.frames.push({ position: { epoch: 1, seq: 3 }, frame: renderFrame(halves, { epoch: 1, seq: 3, at: 60 }) });

it("a stored message is found by its id alone, one that waits for Postgres with its channel", async () => {
  const { status, json } = await ask("GET", `/v1/explain?message=${stored}&user=bob`);
  expect(status).toBe(200);
  expect(json).toMatchObject({ message: stored, user: "bob", channel: "lobby" });
  expect(json["steps"]).toMatchObject([{ at: 50 }, { at: 50 }, { ok: true }, {}, {}, {}]);
  const late = await ask("GET", `/v1/explain?message=${waiting}&user=bob&channel=lobby`);
  expect(late.json["steps"]).toMatchObject([{ at: 60, evidence: "log" }, {}, { ok: false }, {}, {}, {}]);
  expect(late.text).not.toContain("secret");
  const [unnamed, none] = [`message=${waiting}&user=bob`, `message=${"x".repeat(21)}&user=bob&channel=lobby`];
  for (const query of [unnamed, none])
    expect((await ask("GET", `/v1/explain?${query}`)).json["code"]).toBe("not_found");
});

it("nobody but an admin's key may ask, and nothing but ids is taken", async () => {
  const url = `/v1/explain?message=${stored}&user=bob`;
  expect((await ask("GET", url, { as: key })).json["code"]).toBe("forbidden");
  expect((await ask("GET", url, { as: await userToken("bob") })).json["code"]).toBe("forbidden");
  for (const query of ["", "?message=1&user=bob", `?message=${stored}`, `?message=${stored}&user=%20`]) {
    expect([query, (await ask("GET", `/v1/explain${query}`)).status]).toEqual([query, 400]);
  }
});
