// Stands between members and an edge, frame by frame, and spoils what the edge says: for tests that a fault is seen.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import type { RawData } from "ws";

/** The edge's frames of one connection, one after the other, to what is told in their stead. */
export type Spoil = () => (text: string) => readonly string[];

/** Its address; it ends with the test that started it. */
export async function startSpoiledEdge(edge: string, spoil: Spoil, lateMs = 0): Promise<string> {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (client) => join(client, new WebSocket(edge), spoil(), lateMs));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const client of sockets.clients) client.terminate();
    server.close();
  });
  return `ws://127.0.0.1:${portOf(server.address())}/ws`;
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

function textOf(data: RawData): string {
  return Buffer.isBuffer(data) ? data.toString("utf8") : "";
}

function join(client: WebSocket, edge: WebSocket, spoil: (text: string) => readonly string[], lateMs: number): void {
  const waiting: string[] = [];
  client.on("message", (data) => {
    if (edge.readyState === WebSocket.OPEN) edge.send(textOf(data));
    else waiting.push(textOf(data));
  });
  edge.on("open", () => waiting.splice(0).forEach((text) => edge.send(text)));
  edge.on("message", (data) => {
    for (const text of spoil(textOf(data))) {
      // Equal waits keep the order.
      setTimeout(() => client.readyState === WebSocket.OPEN && client.send(text), lateMs);
    }
  });
  client.on("close", () => edge.close());
  edge.on("close", () => client.close());
  edge.on("error", () => client.terminate());
  client.on("error", () => edge.terminate());
}
