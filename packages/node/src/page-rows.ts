// Rows of the table about the chat page that the api may serve. Read by the table alone.
import { flag, list, optionalText } from "@rookery/runtime";
import { API } from "./services.ts";

const SOCKETS = {
  item: (address: string) => {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    const isSocket =
      url !== undefined && ["ws:", "wss:"].includes(url.protocol) && url.username === "" && url.hash === "";
    // A policy for pages is made of them: what parts its words must not be in one.
    if (isSocket && !/[\s;,]/.test(address)) return address;
    throw new Error(`${JSON.stringify(address.slice(0, 64))} is no address of a socket`);
  },
  expected: "ws:// or wss:// addresses",
  example: "wss://chat.example.com/ws",
};
const SIGN_IN = {
  pattern: "^(https?://[^\\s;,]+|/(?!/)[^\\s;,]*)$",
  expected: "an http:// or https:// address, or a path of the page's own origin",
  example: "https://example.com/chat-token",
};

// prettier-ignore
export const PAGE_ROWS = {
  page: flag("ROOKERY_PAGE", false, API,
    "whether the api serves the chat page at `/`"),
  publicWsUrls: list("ROOKERY_PUBLIC_WS_URLS", SOCKETS, API,
    "where the chat page finds the edges, tried in turn; `/ws` of the page's own origin when empty"),
  pageSignInUrl: optionalText("ROOKERY_PAGE_SIGN_IN_URL", SIGN_IN, API,
    "what the chat page asks, by POST and with the browser's cookies, for a token"),
} as const;
