// Owns a cluster whose processes' logs a test may read: has `dev` put its folder where they can be found, and gives its
// processes more environment than settings. Called by tests that judge what is logged, or what a process is made of.
// Must never leave the environment of the test's own process changed, nor the folder behind.
import { chmod, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startCluster } from "@rookery/testkit";
import type { Cluster, ClusterOptions } from "@rookery/testkit";

export interface LoggedCluster {
  cluster: Cluster;
  /** Every line that a process of the cluster has written so far. */
  logOf: (name: string) => Promise<string[]>;
  stop: () => Promise<void>;
}

async function withEnvironment<T>(environment: Record<string, string>, act: () => Promise<T>): Promise<T> {
  const before = Object.fromEntries(Object.keys(environment).map((name) => [name, process.env[name]]));
  Object.assign(process.env, environment);
  try {
    return await act();
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** Starts a cluster; `environment` reaches every process of it. `stop` also removes the logs. */
export async function startLoggedCluster(
  options: ClusterOptions,
  environment: Record<string, string> = {},
): Promise<LoggedCluster> {
  const folder = await mkdtemp(join(tmpdir(), "rookery-logged-"));
  // Where this process is root, Postgres is not, and has to enter.
  await chmod(folder, 0o755);
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const started = withEnvironment({ ...environment, TMPDIR: folder }, () => startCluster(options));
  const cluster = await started.catch(async (error: unknown) => {
    await remove();
    throw error;
  });
  return {
    cluster,
    logOf: async (name) => {
      const data = (await readdir(folder)).find((entry) => entry.startsWith("rookery-dev-")) ?? "";
      const text = await readFile(join(folder, data, "logs", `${name}.log`), "utf8");
      return text.split("\n").slice(0, -1);
    },
    stop: async () => {
      await cluster.stop();
      await remove();
    },
  };
}
