// Answers to plain HTTP requests of the public port: refusals and signs of life. The answer leaves when the loop has come
// round and not inside the request's callback: the layer closes a connection whose next request arrives before the answer
// to the last, so that nobody can have thousands of pipelined requests answered out of one read.

import type { HttpResponse } from "uWebSockets.js";

export interface Answer {
  readonly status: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly text: string;
  /** Whether the connection may be used for another request. */
  readonly keepAlive: boolean;
  /** True for HEAD, which has no body; its connection is kept. */
  readonly isHead?: boolean;
}

export function answer(
  response: HttpResponse,
  { status, headers = {}, text, keepAlive, isHead = false }: Answer,
): void {
  let isAborted = false;
  response.onAborted(() => {
    isAborted = true;
  });
  setImmediate(() => {
    if (isAborted) return;
    response.cork(() => {
      response.writeStatus(status).writeHeader("Content-Type", "text/plain");
      for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
      if (isHead) response.endWithoutBody();
      else response.end(`${text}\n`, !keepAlive);
    });
  });
}
