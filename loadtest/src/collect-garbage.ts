// Has a Node process collect its garbage, through its inspector, so that memory read afterwards is memory in use: V8 gives
// the rubbish of ten thousand handshakes back when it likes, which is a question of luck and not of the product.

import { WebSocket } from "ws";

/** `inspectPort`: where the process was told to listen by `--inspect`. */
export async function collectGarbage(inspectPort: number): Promise<void> {
  const targets: unknown = await (await fetch(`http://127.0.0.1:${inspectPort}/json/list`)).json();
  const [target]: unknown[] = Array.isArray(targets) ? targets : [];
  if (typeof target !== "object" || target === null || !("webSocketDebuggerUrl" in target)) {
    throw new Error(`no inspector listens on ${inspectPort}`);
  }
  const socket = new WebSocket(String(target.webSocketDebuggerUrl));
  await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
  // Weak references are cleared by one collection and what they held by the next.
  for (let id = 1; id <= 4; id += 1) {
    socket.send(JSON.stringify({ id, method: "HeapProfiler.collectGarbage" }));
    await new Promise((resolve) => socket.once("message", resolve));
  }
  socket.close();
}
