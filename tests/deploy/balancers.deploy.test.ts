import { testCertificates } from "@rookery/testkit";
import { describe } from "vitest";
import { balancerProgram } from "./balancer.ts";
import { itBalances } from "./balancers.suite.ts";

const certificates = await testCertificates();

describe.skipIf(balancerProgram("haproxy") === undefined)("behind the shipped HAProxy", () => {
  itBalances("haproxy", certificates);
});

describe.skipIf(balancerProgram("nginx") === undefined)("behind the shipped nginx", () => {
  itBalances("nginx", certificates);
});
