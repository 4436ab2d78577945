// The chat page, where an operator turns it on: files that the build made, sent as they are, and the little that the page has
// to be told of its cluster. Called by the server; holds no secret, knows no user.
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import fastifyStatic from "@fastify/static";
import type { SetHeadersResponse } from "@fastify/static";
import type { FastifyInstance } from "fastify";

export interface PageOptions {
  /** Where the build put it. */
  readonly folder: string;
  /** Empty: `/ws` of the page's own origin. */
  readonly publicWsUrls: readonly string[];
  /** Answers a token to whoever its cookies say this is. */
  readonly signInUrl?: string | undefined;
  /** Whether a name alone is enough to come in. */
  readonly guest: boolean;
}

/** Their names change with what is in them. */
const ASSETS = "assets/";
const YEAR_SEC = 31_536_000;

export function isBuilt(folder: string): boolean {
  return existsSync(join(folder, "index.html"));
}

export async function servePage(server: FastifyInstance, { folder, ...told }: PageOptions): Promise<void> {
  const { publicWsUrls: ws, signInUrl: signIn, guest } = told;
  await server.register(async (page) => {
    page.addHook("onRoute", (route) => {
      // Not counted: to refuse one of these costs what it costs to send it, and an office behind one address comes all at once.
      route.config = { ...route.config, family: "page", limited: false };
    });
    page.addHook("onRequest", async (_request, reply) => {
      // The answer is another one for whoever takes it smaller.
      void reply.header("vary", "origin, accept-encoding");
    });
    // A route for each file that is there, so nothing that a path may say leads anywhere else.
    await page.register(fastifyStatic, {
      ...{ root: folder, wildcard: false, preCompressed: true, cacheControl: false },
      setHeaders: (reply, path) => setHeaders(reply, relative(folder, path)),
      globIgnore: ["**/*.br", "**/*.gz"],
    });
    page.get("/page.json", { schema: { hide: true } }, (_request, reply) =>
      reply.header("cache-control", "no-store").send({ ws, guest, ...(signIn === undefined ? {} : { signIn }) }),
    );
  });
}

function setHeaders(reply: SetHeadersResponse, path: string): void {
  const isAsset = path.startsWith(ASSETS);
  reply.setHeader("cache-control", isAsset ? `public, max-age=${YEAR_SEC}, immutable` : "no-cache");
}
