// Contract of what an operator is told about a Postgres that is unavailable: its own words, and never a word about data.
import { describe, expect, it } from "vitest";
import { NoAnswer } from "./away.ts";
import { outageReason } from "./reason.ts";

const postgresSays = (code: string, message: string): Error =>
  Object.assign(new Error(message), { code, severity: "FATAL" });
const systemSays = (code: string, message: string): Error => Object.assign(new Error(message), { code });

describe("the reason of an outage", () => {
  it.each([
    ["08P01", "unsupported startup parameter: x", "unsupported startup parameter: x (08P01)"],
    ["28P01", 'password authentication failed for user "u"', 'password authentication failed for user "u" (28P01)'],
    ["3D000", 'database "x" does not exist', 'database "x" does not exist (3D000)'],
    ["53300", "sorry, too many clients already", "sorry, too many clients already (53300)"],
    ["57P03", "the database system is starting up", "the database system is starting up (57P03)"],
    ["57P01", "ended\nby\u0000 somebody", "ended by somebody (57P01)"],
  ])("is what Postgres says of itself (%s)", (code, message, reason) => {
    expect(outageReason(postgresSays(code, message))).toBe(reason);
  });

  it.each(["22P02", "23505", "XX000", "58030", "42883"])(
    "is the code alone where data may stand in the text (%s)",
    (code) => {
      expect(outageReason(postgresSays(code, "invalid input: the words of somebody"))).toBe(code);
    },
  );

  it("is what the network or TLS says, its code once", () => {
    expect(outageReason(systemSays("ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:1"))).toBe(
      "connect ECONNREFUSED 127.0.0.1:1",
    );
    expect(outageReason(systemSays("SELF_SIGNED_CERT_IN_CHAIN", "self-signed certificate in certificate chain"))).toBe(
      "self-signed certificate in certificate chain (SELF_SIGNED_CERT_IN_CHAIN)",
    );
    // Several addresses of one name were tried: Node gives their errors a shell without a text.
    expect(outageReason(systemSays("ECONNREFUSED", ""))).toBe("ECONNREFUSED");
    expect(outageReason(new NoAnswer(6000))).toBe("Postgres did not answer within 6000 ms (NO_ANSWER)");
    expect(outageReason(new Error("?"))).toBe("no answer");
  });

  it("is of one line, and not a long one", () => {
    expect(outageReason(postgresSays("08006", "x".repeat(1000)))).toHaveLength(200 + "... (08006)".length);
  });
});
