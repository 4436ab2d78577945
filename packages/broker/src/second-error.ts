// Keeps a process alive whose Redis shows a certificate that is not trusted. A TLS socket of Node that refused one is
// destroyed and says so, and may then still say the other side's alert, as a second error; ioredis listens to one error of
// a socket, also of those to Sentinels, which it opens where nobody else can reach them. An error without a listener ends
// the process. Called by connect.ts before the first connection with TLS.
import tls from "node:tls";
import type { TLSSocket } from "node:tls";

let isHeard = false;

/** From now on no error of a TLS client socket of this process goes unheard; whoever listens hears it as before. */
export function hearSecondErrors(): void {
  if (isHeard) return;
  isHeard = true;
  const connect = new Proxy(tls.connect, {
    apply: (target, self, args: Parameters<typeof tls.connect>) => {
      const socket: TLSSocket = Reflect.apply(target, self, args);
      return socket.on("error", () => undefined);
    },
  });
  Object.assign(tls, { connect });
}
