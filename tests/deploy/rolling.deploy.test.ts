import { testCertificates } from "@rookery/testkit";
import { describe } from "vitest";
import { balancerProgram } from "./balancer.ts";
import { itRestartsRolling } from "./rolling.suite.ts";

const certificates = await testCertificates();

describe.skipIf(balancerProgram("haproxy") === undefined)("a rolling restart behind the shipped HAProxy", () => {
  itRestartsRolling("haproxy", certificates);
});

describe.skipIf(balancerProgram("nginx") === undefined)("a rolling restart behind the shipped nginx", () => {
  itRestartsRolling("nginx", certificates);
});
