// Contract of the route of the audit log: for keys with scope admin alone, what is asked is handed on, and a cursor leads on.
import { newApiKey } from "@rookery/auth";
import { beforeEach, describe, expect, it } from "vitest";
import { fakeServer, userToken } from "../fake-server.fixture.ts";

const { key, hash } = newApiKey();
const { ask, api } = await fakeServer({ keys: { [hash]: ["channels", "moderate", "publish", "tokens"] } });
const ann = await userToken("ann");
const entry = {
  ...{ id: "r1", at: 5, kind: "ban", actor: "ada", subject: "eve", channel: "lobby", node: null, address: null },
  ...{ reason: "spam", data: { untilMs: 7 } },
};
beforeEach(() => {
  api.auditAsked.length = 0;
  api.auditPages.length = 0;
});

describe("GET /v1/audit", () => {
  it("answers what was asked, and a cursor that leads on from there", async () => {
    const next = { at: 5, id: "s1|a.edge-1", epoch: 1_760_000_000_000, seq: 12 };
    api.auditPages.push({ entries: [entry], next });
    const query = "channel=lobby&actor=key:ops&subject=eve&kind=ban&from=1&to=9&limit=1";
    const { status, json } = await ask("GET", `/v1/audit?${query}`);
    expect([status, json["entries"]]).toEqual([200, [entry]]);
    const question = { channel: "lobby", actor: "key:ops", subject: "eve", kind: "ban", fromMs: 1, toMs: 9 };
    expect(api.auditAsked).toEqual([[question, 1, undefined]]);
    const second = await ask("GET", `/v1/audit?cursor=${String(json["cursor"])}`);
    expect(api.auditAsked[1]).toEqual([{}, 50, next]);
    expect([second.status, second.json]).toEqual([200, { entries: [] }]);
  });

  const nul = ["channel=%00", "actor=a%00", "subject=%00b"];
  const others = [
    "kind=nonsense",
    "from=-1",
    "to=soon",
    "cursor=bm8",
    "cursor=!",
    `actor=${"x".repeat(201)}`,
    "limit=0",
  ];
  it.each([...others, ...nul])("refuses ?%s", async (query) => {
    const { status, json } = await ask("GET", `/v1/audit?${query}`);
    expect([status, ["invalid", "bad_frame"].includes(String(json["code"]))]).toEqual([400, true]);
    expect(api.auditAsked).toEqual([]);
  });

  it("is for nobody without the scope admin", async () => {
    expect((await ask("GET", "/v1/audit", { as: key })).json["code"]).toBe("forbidden");
    expect((await ask("GET", "/v1/audit", { as: ann })).json["code"]).toBe("forbidden");
    expect((await ask("GET", "/v1/audit", { as: null })).status).toBe(401);
  });
});
