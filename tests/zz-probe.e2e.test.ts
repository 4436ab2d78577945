import { startCluster } from "@rookery/testkit";
import { connect } from "node:net";
import { once } from "node:events";
import { randomBytes } from "node:crypto";
import { it } from "vitest";
it("probe", async () => {
  const cluster = await startCluster({ edges: 1, persisters: 0 });
  const { port } = new URL(cluster.ready.ws[0] ?? "");
  const counts: Record<string, number> = {};
  const show: string[] = [];
  for (let n = 0; n < 400; n += 1) {
    const socket = connect({ host: "127.0.0.1", port: Number(port), noDelay: true });
    await once(socket, "connect");
    socket.write(`GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${cluster.token(`u${n}`)}\r\n\r\n`);
    let text = "";
    let ended = false;
    socket.on("data", (d) => { text += d.toString("latin1"); });
    socket.on("close", () => { ended = true; });
    socket.on("error", (e) => { text += `ERR ${e.message}`; });
    while (!text.includes("welcome")) await new Promise((r) => setTimeout(r, 1));
    text = "";
    const payload = Buffer.from(["null", "abcdefg", "ab", "abcdefghijkl"][n % 4] ?? "");
    const mask = randomBytes(4);
    const frame = Buffer.concat([Buffer.from([0x81, 0x80 | payload.length]), mask, Buffer.from(payload.map((b, i) => b ^ (mask[i % 4] ?? 0)))]);
    const ping = Buffer.concat([Buffer.from([0x81, 0x80 | 15, 0, 0, 0, 0]), Buffer.from('{"type":"ping"}')]);
    const split = n % 8 >= 4;
    if (split) { socket.write(frame); socket.write(ping); } else socket.write(Buffer.concat([frame, ping]));
    while (!ended && !text.includes("pong")) await new Promise((r) => setTimeout(r, 1));
    const key = `${payload.length} ${split ? "apart" : "together"} ${ended ? `cut` : "fine"}`;
    counts[key] = (counts[key] ?? 0) + 1;
    if (ended) show.push(`${key} ${frame.toString("hex")} ${JSON.stringify(text.slice(0, 100))}`);
    socket.destroy();
  }
  console.log(counts, show.slice(0, 20).join("\n"));
});
