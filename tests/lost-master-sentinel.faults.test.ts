// A master under Sentinels is lost, and what it announced of a message and of a ban: see the suites.
import { testTopology } from "@rookery/testkit";
import { PARTITIONS, testLostMaster } from "./lost-master.suite.ts";
import { testUnheard } from "./unheard.suite.ts";

const { cluster } = testLostMaster(await testTopology({ kind: "sentinel", replicas: 2 }));
testUnheard(cluster, PARTITIONS);
