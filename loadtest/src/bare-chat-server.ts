// The least that can be called a chat server, as the opponent of `accept`: uWebSockets.js, JSON.parse, a publish with
// history, `ok` back. It checks nothing, knows nobody, and may lose or double what it likes. A process of its own.

import { App, us_socket_local_port } from "uWebSockets.js";
import { Redis } from "ioredis";
import { createHistoryPublish, historyTopic } from "./history-publish.ts";

const [redisUrl = ""] = process.argv.slice(2);

const subscriber = new Redis(redisUrl);
const publish = createHistoryPublish(new Redis(redisUrl, { enableAutoPipelining: true }));
const subscribed = new Set<string>();
const decoder = new TextDecoder();

const app = App();
app.ws<{ isOpen: boolean }>("/ws", {
  maxPayloadLength: 64 * 1024,
  maxBackpressure: 1024 * 1024,
  idleTimeout: 0,
  sendPingsAutomatically: false,
  upgrade: (response, request, context) => {
    const header = (name: string): string => request.getHeader(name);
    response.upgrade(
      { isOpen: true },
      ...[header("sec-websocket-key"), header("sec-websocket-protocol"), header("sec-websocket-extensions")],
      context,
    );
  },
  message(socket, bytes) {
    const { type, ref, channel, body }: Record<string, string> = JSON.parse(decoder.decode(bytes));
    if (channel === undefined) return;
    const topic = historyTopic(channel);
    if (type === "join") {
      socket.subscribe(topic);
      if (!subscribed.has(topic)) void subscriber.ssubscribe(topic);
      subscribed.add(topic);
      socket.send(JSON.stringify({ type: "ok", ref, channel }));
      return;
    }
    const data = socket.getUserData();
    void publish(channel, JSON.stringify({ type: "message", channel, body })).then((offset) => {
      if (data.isOpen) socket.send(JSON.stringify({ type: "ok", ref, channel, offset }));
    });
  },
  close: (socket) => {
    socket.getUserData().isOpen = false;
  },
});
subscriber.on("smessageBuffer", (topic: Buffer, message: Buffer) => {
  app.publish(topic.toString("latin1"), message.subarray(message.indexOf(58) + 1));
});
app.listen("127.0.0.1", 0, (handle) => {
  if (handle === false) throw new Error("no free port");
  process.send?.({ port: us_socket_local_port(handle) });
});
process.on("disconnect", () => process.exit(0));
