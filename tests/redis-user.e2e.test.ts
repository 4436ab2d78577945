// The least rights before Sentinels: see the suite.
import { testCertificates, testTopology } from "@rookery/testkit";
import { PASSWORD, testRedisUser } from "./redis-user.suite.ts";

const [trusted, stranger] = [await testCertificates(), await testCertificates()];
const topology = await testTopology({ kind: "sentinel", tls: trusted.files, password: PASSWORD });
testRedisUser({ topology, trusted, stranger });
