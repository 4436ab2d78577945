// Contract of the text in which an audit record travels: whatever it holds, it is the JSON of what there is to tell, in one order.
import { assert, boolean, constantFrom, dictionary, double, oneof, option, property, record, string } from "fast-check";
import { expect, it } from "vitest";
import { AUDIT_KINDS } from "./audit.ts";
import { packAudit } from "./pack-audit.ts";

const text = string({ unit: "binary" });
const maybe = option(text);
const data = option(dictionary(text, oneof(text, double(), boolean())));
const someRecord = record({
  ...{ kind: constantFrom(...AUDIT_KINDS), actor: text, subject: maybe, channel: maybe, node: maybe },
  ...{ address: maybe, reason: maybe, data },
});

it("is the JSON of what there is to tell, and of nothing else", () => {
  assert(
    property(text, someRecord, (id, { kind, actor, ...rest }) => {
      const { subject, channel, node, address, reason } = rest;
      const told = Object.entries({ id, kind, actor, subject, channel, node, address, reason, data: rest.data });
      const bare = Object.fromEntries(told.filter(([, each]) => each !== null));
      expect(packAudit(id, { kind, actor, ...rest })).toBe(JSON.stringify(bare));
    }),
  );
});
