// A port of loopback that nobody has, for a process that is to be looked at before it says where it listens.
import { once } from "node:events";
import { createServer } from "node:net";

/** Not given out again so soon by the kernel. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
