// What an edge is compared with: the least that uWebSockets.js and ioredis can do. Every socket listens to one native
// topic, every message of one Redis topic is published to it. No tokens, no order, no healing. A process of its own.

import { App, us_socket_local_port } from "uWebSockets.js";
import { Redis } from "ioredis";

const [redisUrl = "", topic = "", pings = ""] = process.argv.slice(2);
/** The layer pings 16 s before it gives a silent socket up: every 25 s, as an edge does. */
const PINGING_IDLE_SEC = 41;

const app = App();
app.ws("/ws", {
  maxPayloadLength: 64 * 1024,
  maxBackpressure: 1024 * 1024,
  idleTimeout: pings === "" ? 0 : PINGING_IDLE_SEC,
  sendPingsAutomatically: pings !== "",
  open: (socket) => void socket.subscribe("all"),
});

const subscriber = new Redis(redisUrl);
subscriber.on("smessageBuffer", (_topic: Buffer, message: Buffer) => void app.publish("all", message));
await subscriber.ssubscribe(topic);
app.listen("127.0.0.1", 0, (handle) => {
  if (handle === false) throw new Error("no free port");
  process.send?.({ port: us_socket_local_port(handle) });
});
process.on("disconnect", () => process.exit(0));
