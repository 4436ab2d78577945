// A master under Sentinels is lost: see the suite.
import { testTopology } from "@rookery/testkit";
import { testLostMaster } from "./lost-master.suite.ts";

testLostMaster(await testTopology({ kind: "sentinel", replicas: 2 }));
