// A user for each kind of process on one Redis: see the suite. Under Sentinels and on a Cluster it is among the fault tests.
import { testPostgres, testTopology } from "@rookery/testkit";
import { PASSWORD, testRedisRoles } from "../redis-roles.suite.ts";

const topology = await testTopology({ kind: "single", password: PASSWORD });
const { url: postgresUrl } = await testPostgres();
testRedisRoles({ topology, postgresUrl });
