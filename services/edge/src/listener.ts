// The public port: turns the callbacks of uWebSockets.js into calls on the door and on intake. It decides nothing about
// a client, and keeps no buffer of the layer beyond a callback.

import { App, us_listen_socket_close, us_socket_local_port } from "uWebSockets.js";
import type { HttpRequest, HttpResponse, TemplatedApp, WebSocket } from "uWebSockets.js";
import { LAYER_FRAME_BYTES } from "@rookery/protocol";
import { listenFault } from "@rookery/runtime";
import { echoedProtocol } from "./credentials.ts";
import type { Admission, Door } from "./door.ts";
import { answer } from "./http-answer.ts";
import type { Intake } from "./intake.ts";
import type { Lanes } from "./lanes/lanes.ts";
import type { Missed } from "./lanes/missed.ts";
import { createOutlet } from "./outlet.ts";
import type { MayGo, Outlet, Publish } from "./outlet.ts";
import type { Pace } from "./pace.ts";
import type { Session } from "./session.ts";
import { SocketWire } from "./socket-wire.ts";
import type { WireRules, WireSurroundings } from "./socket-wire.ts";
import { createTurnWrites } from "./turn-writes.ts";
import { UPGRADE_REFUSALS } from "./upgrade-refusals.ts";
import type { UpgradeRefusal } from "./upgrade-refusals.ts";
import { readUpgradeRequest, WEBSOCKET_VERSION } from "./upgrade-request.ts";

export interface Listener {
  readonly port: number;
  /** In beats as the pace has them, each batched by the layer into one write per socket. */
  readonly publish: Publish;
  /** Ends the beat, now and for all that comes: the node drains. */
  readonly hurry: () => void;
  /** What might not be delivered may be again. */
  readonly resume: () => void;
  /** New connections are refused from here on; those that are open stay. */
  stopListening(): void;
  close(): void;
}

/** Of an upgrade. */
interface Arrival {
  readonly address: string;
  readonly client: string;
  readonly admission: Admission;
}

/** `arrival` lives from the upgrade to the open: whatever a token claimed is not kept for the life of a socket. */
interface SocketData {
  arrival: Arrival | undefined;
  session: Session | undefined;
  wire: SocketWire<SocketData> | undefined;
}
type Socket = WebSocket<SocketData>;

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly door: Door;
  readonly intake: Intake;
  readonly pace: Pace;
  /** All that may have something to miss. */
  everybody(this: void): Iterable<Session>;
  /** Whether frames of a native topic may be delivered now; always, when left out. */
  readonly mayGo?: MayGo;
  /** What becomes of sockets that take less than they are given. */
  readonly lanes: Lanes;
  readonly missed: Pick<Missed, "published" | "roundOver">;
  /** Bytes that may wait in one socket; a frame beyond is dropped by the layer. */
  readonly hardBufferBytes: number;
  /** Silence after which our own sweep closes a socket. */
  readonly idleMs: number;
  readonly wire: WireRules;
}

/** Most that the layer takes for its idle timeout. */
const MAX_LAYER_IDLE_SEC = 960;
const LAYER_IDLE_SLACK_SEC = 60;

export function listen({ host, port, pace, missed, everybody, mayGo, ...options }: ListenerOptions): Promise<Listener> {
  const { lanes, wire: rules } = options;
  const app = App();
  const writes = createTurnWrites();
  const outlet = createOutlet({
    ...{ pace, missed, everybody, mayGo, writeTold: writes.letGo, takeOut: lanes.takeOut },
    toTopic(topic, frame, except) {
      // A socket that can publish no more has no subscription left either: then everybody is everybody else.
      if (except?.wire?.publish(topic, frame) !== true) app.publish(topic, frame);
    },
  });
  const backedUp = ({ session }: SocketData): void => {
    if (session !== undefined) lanes.look(session);
  };
  serveSockets(app, outlet, { rules, writes, backedUp }, options);
  // What came to /ws and has no key of the right length: the layer does not take it for a handshake.
  app.get("/ws", (response, request) => knock(options.door, response, request, undefined));
  app.get("/livez", (response) => answer(response, { status: "200 OK", text: "ok", keepAlive: true }));
  app.head("/livez", (response) => answer(response, { status: "200 OK", text: "", keepAlive: true, isHead: true }));
  app.any("/*", (response, request) => {
    const isHead = request.getMethod() === "head";
    answer(response, { status: "404 Not Found", text: "not found", keepAlive: false, isHead });
  });

  return new Promise((resolve, reject) => {
    app.listen(host, port, (handle) => {
      if (handle === false) {
        // The layer does not say why; somebody who tries the same does.
        const taken = new Error("the port is taken");
        listenFault(host, port).then((fault = taken) => {
          reject(Object.assign(fault, { message: `cannot listen on ${host}:${port}: ${fault.message}` }));
        }, reject);
        return;
      }
      let listening = true;
      const stopListening = (): void => {
        if (listening) us_listen_socket_close(handle);
        listening = false;
      };
      resolve({
        port: us_socket_local_port(handle),
        publish: outlet.publish,
        hurry: outlet.hurry,
        resume: outlet.resume,
        stopListening,
        close: () => void app.close(),
      });
    });
  });
}

type SocketOptions = Omit<ListenerOptions, "host" | "port" | "pace" | "missed" | "everybody" | "mayGo" | "wire">;

function serveSockets(
  app: TemplatedApp,
  outlet: Outlet,
  surroundings: WireSurroundings<SocketData>,
  options: SocketOptions,
): void {
  const { door, intake, lanes, hardBufferBytes, idleMs } = options;
  app.ws<SocketData>("/ws", {
    maxPayloadLength: LAYER_FRAME_BYTES,
    maxBackpressure: hardBufferBytes,
    idleTimeout: layerIdleSec(idleMs),
    sendPingsAutomatically: false,
    compression: 0,
    upgrade: (response, request, context) => knock(door, response, request, context),
    open: (socket) => {
      const data = socket.getUserData();
      const { arrival } = data;
      if (arrival === undefined) return;
      data.arrival = undefined;
      data.wire = new SocketWire(socket, surroundings);
      data.session = door.enter(data.wire, arrival.address, arrival.client);
      // Not before the session is known here: a farewell runs `close` at once, and `close` gives back what it holds.
      const looked = door.greet(data.session, arrival.admission);
      if (looked !== undefined) intake.holdUntil(data.session, looked);
      // Here it leaves in one write with the answer to the upgrade.
      data.wire.write();
    },
    message: (socket, bytes, isBinary) => {
      const { session, wire } = socket.getUserData();
      // A session that is leaving reads nothing; how much it is sent meanwhile is counted all the same.
      if (wire?.isLeaving === true) void hearControl(socket);
      else if (session !== undefined) intake.receive(session, new Uint8Array(bytes), isBinary, performance.now());
    },
    ping: (socket) => void hearControl(socket),
    pong: (socket, bytes) => {
      const session = hearControl(socket);
      if (session?.answered(Buffer.from(bytes).toString("latin1")) === true) lanes.heard(session, "answered");
    },
    // May fire inside publish itself, where touching the socket ends the process: it is only looked at when the loop is back.
    dropped: (socket) => {
      const { session } = socket.getUserData();
      if (session === undefined) return;
      lanes.dropped(session);
      outlet.dropped(session);
    },
    drain: (socket) => {
      const { session, wire } = socket.getUserData();
      wire?.drained();
      if (session !== undefined && wire?.lane !== undefined) lanes.look(session);
    },
    close: (socket, code) => {
      const { session, wire } = socket.getUserData();
      wire?.closed();
      if (session === undefined) return;
      door.exit(session, wire?.farewellCode ?? code);
      lanes.ended(session);
    },
  });
}

/**
 * A ping or a pong. The layer has answered the ping already, and goes through thousands of them in one turn of the loop, in
 * which nothing else runs: so one too many ends the socket here, before the next is looked at. With 4006 when the close
 * frame can leave at once; whoever does not even read the pongs is cut. Answers the session of one that is heard.
 */
function hearControl(socket: Socket): Session | undefined {
  const { session, wire } = socket.getUserData();
  if (session === undefined || wire === undefined) return undefined;
  const nowMs = performance.now();
  if (wire.takeControl(nowMs)) {
    session.heard(nowMs);
    return session;
  }
  session.farewell("too_fast", nowMs);
  wire.cut();
  return undefined;
}

/**
 * Heartbeats and idleness are our own sweep's: the layer's would close with 1006, which tells a client nothing. Its timeout
 * stands behind ours, for sockets that were ended and whose peer stopped reading just then, which nobody else knows any
 * more. 0, none, where ours is longer than any that the layer knows.
 */
function layerIdleSec(idleMs: number): number {
  const sec = Math.ceil(idleMs / 1000) + LAYER_IDLE_SLACK_SEC;
  return sec > MAX_LAYER_IDLE_SEC ? 0 : sec;
}

/**
 * Upgrades before it returns: an upgrade that is corked later, after something was awaited, is now and then closed at once
 * by the layer, which takes it for a finished HTTP response (uNetworking/uWebSockets#1928).
 */
function knock(
  door: Door,
  response: HttpResponse,
  request: HttpRequest,
  context: Parameters<HttpResponse["upgrade"]>[4] | undefined,
): void {
  const asked = readUpgradeRequest(request);
  const peer = Buffer.from(response.getRemoteAddressAsText()).toString();
  const address = door.clientAddress(peer, asked.forwardedFor);
  const admission = door.admit(asked, address);
  if (admission.kind === "refused" || context === undefined) {
    refuse(response, admission.kind === "refused" ? admission : { reason: "not_websocket" });
    return;
  }
  const client = door.clientName(asked.userAgent);
  const data: SocketData = { arrival: { address, client, admission }, session: undefined, wire: undefined };
  response.upgrade(data, asked.key, echoedProtocol(asked.protocols), asked.extensions, context);
}

function refuse(response: HttpResponse, refusal: { reason: UpgradeRefusal; retryAfterMs?: number }): void {
  const { reason, retryAfterMs } = refusal;
  const { status, text } = UPGRADE_REFUSALS[reason];
  const headers = {
    ...(reason === "not_websocket" ? { Upgrade: "websocket", "Sec-WebSocket-Version": WEBSOCKET_VERSION } : {}),
    ...(retryAfterMs === undefined ? {} : { "Retry-After": String(Math.ceil(retryAfterMs / 1000)) }),
  };
  answer(response, { status, headers, text, keepAlive: false });
}
