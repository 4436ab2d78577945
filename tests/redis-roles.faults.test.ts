// A user for each kind of process under Sentinels and on a Cluster, both with TLS: see the suite.
import { testCertificates, testPostgres, testTopology } from "@rookery/testkit";
import { describe } from "vitest";
import { PASSWORD, testRedisRoles } from "./redis-roles.suite.ts";

const { files } = await testCertificates();
const guarded = { tls: files, password: PASSWORD };
const scenes = [
  { topology: await testTopology({ kind: "sentinel", ...guarded }), postgres: await testPostgres() },
  { topology: await testTopology({ kind: "cluster", ...guarded }), postgres: await testPostgres() },
];
describe.each(scenes)("$topology.kind", ({ topology, postgres }) => {
  testRedisRoles({ topology, postgresUrl: postgres.url, ca: files.ca });
});
