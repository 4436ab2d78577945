// What becomes of a connection around its answers: one on which part of a request was left unread is closed and said to be,
// since a proxy would send the next request behind it; one that brought no HTTP is told so, after the answers it is owed.
// Called by the server. It must never let bytes of one request be taken for another, nor one answer for another's.
// States of a socket: with requests that are not answered yet, or none; broken, once it brought what is no HTTP.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { ChatError } from "@rookery/protocol";
import type { FastifyInstance } from "fastify";
import { MAX_BODY_BYTES } from "./json-body.ts";
import { problemHeaders, problemOf } from "./problem.ts";

/** A body that is on its way has mostly come by then; who sends slower has the connection closed. */
const REST_MS = 250;
/** Of a refused body, so that most clients have sent theirs and read the answer instead of a reset. */
const REST_BYTES = 4 * MAX_BODY_BYTES;

/** Has what is left of a body read and thrown away, within bounds. False when part of it is still to come. */
export async function takeRest(request: IncomingMessage): Promise<boolean> {
  // Requests that came over no socket have no such field.
  if (request.complete || !("complete" in request)) return true;
  return new Promise((resolve) => {
    let restBytes = 0;
    const timer = setTimeout(() => settle(false), REST_MS);
    const onData = (chunk: Buffer): void => {
      restBytes += chunk.length;
      if (restBytes > REST_BYTES) settle(false);
    };
    const onEnd = (): void => settle(request.complete);
    const settle = (isTaken: boolean): void => {
      clearTimeout(timer);
      request.off("data", onData).off("end", onEnd).off("close", onEnd);
      resolve(isTaken);
    };
    request.on("data", onData).on("end", onEnd).on("close", onEnd).resume();
  });
}

/** Every answer says what becomes of its connection. */
export function closeOverUnreadBodies(server: FastifyInstance): void {
  server.addHook("onSend", async (request, reply) => {
    if (!(await takeRest(request.raw))) void reply.header("connection", "close");
    // The framework closes over every body that it refuses, also one that has wholly come.
    else reply.removeHeader("connection");
  });
  // An expectation that nobody knows may be ignored (RFC 9110, 10.1.1). By itself Node refuses it, with the body unread.
  server.server.on("checkExpectation", (request, response) => server.server.emit("request", request, response));
}

export interface BrokenSockets {
  /** To be told of each request before anything else is done with it. */
  began(this: void, request: IncomingMessage, response: ServerResponse): void;
  /** What is no HTTP gets its problem by hand, since there is no request to answer. */
  refuse(this: void, error: Error & { code?: string }, socket: Socket): void;
}

export function createBrokenSockets(): BrokenSockets {
  const unanswered = new WeakMap<Socket, Map<ServerResponse, IncomingMessage>>();
  const broken = new WeakMap<Socket, ChatError>();

  function answered(socket: Socket, response: ServerResponse): void {
    const requests = unanswered.get(socket);
    requests?.delete(response);
    const refusal = broken.get(socket);
    if (requests?.size === 0 && refusal !== undefined) endWith(socket, refusal);
  }

  return {
    began(request, response) {
      const { socket } = request;
      const requests = unanswered.get(socket) ?? new Map<ServerResponse, IncomingMessage>();
      unanswered.set(socket, requests.set(response, request));
      response.once("close", () => answered(socket, response));
    },
    refuse(error, socket) {
      if (error.code === "ECONNRESET" || !socket.writable) {
        socket.destroy();
        return;
      }
      const refusal = refusalOf(error.code);
      // What was wholly read may be done already: its answer must not be this one.
      const isOwed = [...(unanswered.get(socket)?.values() ?? [])].some(({ complete }) => complete);
      if (isOwed) broken.set(socket, refusal);
      else endWith(socket, refusal);
    },
  };
}

const REFUSALS: ReadonlyMap<string, readonly ["too_large" | "bad_frame", string]> = new Map([
  ["HPE_HEADER_OVERFLOW", ["too_large", "the headers are over their limit"]],
  ["ERR_HTTP_REQUEST_TIMEOUT", ["bad_frame", "the request did not come in time"]],
]);

function refusalOf(code = ""): ChatError {
  const [name, message] = REFUSALS.get(code) ?? (["bad_frame", "this is no HTTP"] as const);
  return new ChatError(name, message);
}

function endWith(socket: Socket, refusal: ChatError): void {
  if (!socket.writable) return;
  const problem = problemOf(refusal);
  const text = JSON.stringify(problem);
  const headers = {
    ...problemHeaders(problem),
    "content-length": String(Buffer.byteLength(text)),
    connection: "close",
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${problem.status} Refused\r\n${lines.join("")}\r\n${text}`);
}
