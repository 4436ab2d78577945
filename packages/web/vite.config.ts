// How the page is built into `dist/page`, from where the api serves it; and for whoever works on it: `npm run dev -w @rookery/web`
// serves it from its sources beside a cluster that `npm start` began.
import { readFileSync, writeFileSync } from "node:fs";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { defineConfig } from "vite";
import type { Plugin, ProxyOptions } from "vite";

const CLUSTER_FILE = new URL("../../.rookery/cluster.json", import.meta.url);

interface Cluster {
  readonly api: string;
  readonly ws: readonly string[];
}

function readCluster(): Cluster {
  const { api, ws }: Cluster = JSON.parse(readFileSync(CLUSTER_FILE, "utf8"));
  return { api, ws };
}

/** Answers what the api would: only asked by the server for development. */
function besideCluster(cluster: Cluster): Plugin {
  return {
    name: "beside-cluster",
    configureServer(server) {
      server.middlewares.use("/page.json", (_request, response) => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ ws: cluster.ws, guest: true }));
      });
    },
  };
}

/** Beside each file what the api sends to those who take it smaller, so that no request costs it that work. */
const smaller: Plugin = {
  name: "smaller",
  apply: "build",
  writeBundle({ dir = "" }, bundle) {
    for (const name of Object.keys(bundle)) {
      const bytes = readFileSync(`${dir}/${name}`);
      writeFileSync(`${dir}/${name}.br`, brotliCompressSync(bytes));
      writeFileSync(`${dir}/${name}.gz`, gzipSync(bytes));
    }
  },
};

export default defineConfig(({ command }) => {
  const cluster = command === "serve" ? readCluster() : undefined;
  const proxy: Record<string, ProxyOptions> = cluster ? { "/v1": { target: cluster.api, changeOrigin: true } } : {};
  return {
    root: import.meta.dirname,
    base: "./",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    resolve: { conditions: ["source", "module", "browser", "development|production"] },
    build: { outDir: "dist/page", target: "es2023", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
    plugins: cluster ? [besideCluster(cluster)] : [smaller],
    server: { port: 7710, proxy },
    logLevel: command === "build" ? "warn" : "info",
  };
});
