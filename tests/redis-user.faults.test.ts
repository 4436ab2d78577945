// The least rights on one Redis and on a Cluster: see the suite. Under Sentinels it is a part of `npm test`.
import { testCertificates, testTopology } from "@rookery/testkit";
import { describe } from "vitest";
import { PASSWORD, testRedisUser } from "./redis-user.suite.ts";

const [trusted, stranger] = [await testCertificates(), await testCertificates()];
const guarded = { tls: trusted.files, password: PASSWORD };
const topologies = [
  await testTopology({ kind: "single", ...guarded }),
  await testTopology({ kind: "cluster", ...guarded }),
];
describe.each(topologies)("$kind", (topology) => {
  testRedisUser({ topology, trusted, stranger });
});
