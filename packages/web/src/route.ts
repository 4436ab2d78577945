// Which channel the page shows: a fragment of its address, so that a channel can be linked to, and back leads back.
import { canBeId } from "./channels/channel-id.ts";
import { createStore } from "./store.ts";
import type { Store } from "./store.ts";

/** Undefined: none, the page's beginning. */
export type Route = { readonly channel: string | undefined };

export function routeOf(fragment: string): Route {
  const [, id] = /^#\/c\/([^/?]+)$/.exec(fragment) ?? [];
  try {
    const channel = decodeURIComponent(id ?? "");
    // What cannot be a channel's id leads to the beginning, and not into the list of channels.
    return { channel: canBeId(channel) ? channel : undefined };
  } catch {
    return { channel: undefined };
  }
}

export function linkTo(channel: string): string {
  return `#/c/${encodeURIComponent(channel)}`;
}

export function watchRoute(window: Window): Store<Route> {
  const route = createStore(routeOf(window.location.hash));
  window.addEventListener("hashchange", () => route.set(routeOf(window.location.hash)));
  return route;
}
