// Which methods a path has, for those who asked it for another one. Made by the server from the table of routes. Pure.
import { ChatError } from "@rookery/protocol";
import type { Route } from "./route.ts";

/** Methods of the declared path that this one is, or undefined for a path that nobody declared. */
export type AllowedMethods = (path: string) => readonly string[] | undefined;

export function createAllowedMethods(routes: readonly Pick<Route, "method" | "url">[]): AllowedMethods {
  const byUrl = new Map<string, string[]>();
  for (const { method, url } of routes) byUrl.set(url, [...(byUrl.get(url) ?? []), ...servedFor(method)]);
  const table = [...byUrl].map(([url, methods]) => ({ form: formOf(url), methods }));
  return (path) => table.find(({ form }) => form.test(path))?.methods;
}

/** Of the error codes, the one for a thing that this server does not know how to do; over HTTP it is status 405. */
export function methodRefusal(method: string, allowed: readonly string[]): ChatError {
  return new ChatError("unknown_type", `${method} is not served here, only ${allowed.join(" and ")}`);
}

/** The framework answers HEAD wherever it answers GET. */
function servedFor(method: string): readonly string[] {
  return method === "GET" ? ["GET", "HEAD"] : [method];
}

/** Urls of the table hold no character that means something in a pattern, but for the full stop. */
function formOf(url: string): RegExp {
  return new RegExp(`^${url.replaceAll(".", "\\.").replace(/:\w+/g, "[^/]+")}$`);
}
