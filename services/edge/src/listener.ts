// The public port: the one file that knows uWebSockets.js. Turns its callbacks into calls on the door and on sessions, and
// its socket into a session's `Wire`. It decides nothing about a client, and keeps no buffer of the layer beyond a callback.

import { App, us_listen_socket_close, us_socket_local_port } from "uWebSockets.js";
import type { HttpRequest, HttpResponse, WebSocket } from "uWebSockets.js";
import type { FrameBytes } from "@rookery/broker";
import { LAYER_FRAME_BYTES } from "@rookery/protocol";
import { echoedProtocol } from "./credentials.ts";
import type { Admission, Door } from "./door.ts";
import type { Session, Wire } from "./session.ts";

export interface Listener {
  readonly port: number;
  /** To every local subscriber of a native topic, batched by the server into one write per socket and loop turn. */
  publish(topic: string, frame: FrameBytes): void;
  /** New connections are refused from here on; those that are open stay. */
  stopListening(): void;
  close(): void;
}

/** `admission` lives from the upgrade to the open: whatever a token claimed is not kept for the life of a socket. */
interface SocketData {
  readonly address: string;
  admission: Admission | undefined;
  session: Session | undefined;
}
type Socket = WebSocket<SocketData>;

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly door: Door;
  /** Bytes that may wait in one socket; a frame beyond is dropped by the layer, which is why such a socket is closed. */
  readonly hardBufferBytes: number;
}

export function listen({ host, port, door, hardBufferBytes }: ListenerOptions): Promise<Listener> {
  const app = App();
  app.ws<SocketData>("/ws", {
    maxPayloadLength: LAYER_FRAME_BYTES,
    maxBackpressure: hardBufferBytes,
    // Heartbeats and idleness are our own sweep's: the layer's would close with 1006, which tells a client nothing.
    idleTimeout: 0,
    sendPingsAutomatically: false,
    compression: 0,
    upgrade: (response, request, context) => upgrade(door, response, request, context),
    open: (socket) => {
      const data = socket.getUserData();
      const { admission } = data;
      if (admission === undefined) return;
      data.admission = undefined;
      data.session = door.enter(new SocketWire(socket), data.address);
      // Not before the session is known here: a farewell runs `close` at once, and `close` gives back what it holds.
      door.greet(data.session, admission);
    },
    message: (socket, bytes, isBinary) => {
      socket.getUserData().session?.receive(new Uint8Array(bytes), isBinary, performance.now());
    },
    pong: (socket) => socket.getUserData().session?.heard(performance.now()),
    ping: (socket) => socket.getUserData().session?.heard(performance.now()),
    // May fire inside publish itself, where touching the socket ends the process: only look at it when the loop is back.
    dropped: (socket) => {
      const { session } = socket.getUserData();
      setImmediate(() => session?.farewell("slow", performance.now()));
    },
    close: (socket, code) => {
      const data = socket.getUserData();
      if (data.session !== undefined) door.exit(data.session, code, data.address);
    },
  });
  app.get("/ws", (response) => plain(response, "426 Upgrade Required", "this address speaks WebSocket\n"));
  app.get("/livez", (response) => plain(response, "200 OK", "ok\n"));
  app.any("/*", (response) => plain(response, "404 Not Found", "not found\n"));

  return new Promise((resolve, reject) => {
    app.listen(host, port, (handle) => {
      if (handle === false) {
        reject(new Error(`cannot listen on ${host}:${port}: the port is taken or not allowed`));
        return;
      }
      let listening = true;
      const stopListening = (): void => {
        if (listening) us_listen_socket_close(handle);
        listening = false;
      };
      resolve({
        port: us_socket_local_port(handle),
        publish: (topic, frame) => void app.publish(topic, frame),
        stopListening,
        close: () => void app.close(),
      });
    });
  });
}

/**
 * Upgrades or refuses before it returns: an upgrade that is corked later, after something was awaited, is now and then
 * closed at once by the layer, which takes it for a finished HTTP response (uNetworking/uWebSockets#1928).
 */
function upgrade(
  door: Door,
  response: HttpResponse,
  request: HttpRequest,
  context: Parameters<HttpResponse["upgrade"]>[4],
): void {
  const protocols = request.getHeader("sec-websocket-protocol");
  const knock = {
    authorization: request.getHeader("authorization"),
    protocols,
    query: request.getQuery(),
    cookie: request.getHeader("cookie"),
    origin: request.getHeader("origin"),
  };
  const remote = Buffer.from(response.getRemoteAddressAsText()).toString();
  const address = door.clientAddress(remote, request.getHeader("x-forwarded-for"));
  const admission = door.admit(knock, address);
  if (admission.kind === "refused") {
    refuse(response, admission);
    return;
  }
  const data: SocketData = { address, admission, session: undefined };
  const key = request.getHeader("sec-websocket-key");
  const extensions = request.getHeader("sec-websocket-extensions");
  response.upgrade(data, key, echoedProtocol(protocols), extensions, context);
}

function refuse(response: HttpResponse, { status, reason, retryAfterSec }: Admission & { kind: "refused" }): void {
  if (retryAfterSec === undefined) {
    plain(response, status, `${reason}\n`);
    return;
  }
  response.writeStatus(status).writeHeader("Retry-After", String(retryAfterSec));
  response.end(`${reason}\n`);
}

function plain(response: HttpResponse, status: string, text: string): void {
  response.writeStatus(status).writeHeader("Content-Type", "text/plain").end(text);
}

/** A live socket as its session sees it. The session lets go of it in `close`, after which uWebSockets.js would throw. */
class SocketWire implements Wire {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  send(text: string): void {
    // 2: over the hard limit and dropped. The `dropped` callback, which follows, closes the socket with `slow`.
    this.#socket.send(text);
  }

  subscribe(topic: string): void {
    this.#socket.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.#socket.unsubscribe(topic);
  }

  ping(): void {
    this.#socket.ping();
  }

  end(code: number, reason: string): void {
    this.#socket.end(code, reason);
  }
}
