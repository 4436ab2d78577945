// Finds out why TLS with the servers of an address does not come about: of Sentinels and of a Cluster's nodes ioredis tells
// no more than that a connection is closed. Called by connect.ts when it hears that. It sends nothing but a handshake.
import { connect } from "node:tls";
import type { RedisHost } from "./redis-url.ts";

/** A handshake that takes longer is no answer to wait for: the next attempt asks again. */
const WITHIN_MS = 1_000;

/** The reason of the first host that gives one; undefined where every handshake succeeds, or takes too long. */
export async function tlsFault(hosts: readonly RedisHost[], ca: string | undefined): Promise<string | undefined> {
  const faults = await Promise.all(hosts.map((host) => handshakeFault(host, ca)));
  return faults.find((fault) => fault !== undefined);
}

function handshakeFault({ host, port }: RedisHost, ca: string | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, ...(ca === undefined ? {} : { ca }) });
    const settle = (fault?: string): void => {
      socket.destroy();
      resolve(fault);
    };
    socket.setTimeout(WITHIN_MS, settle);
    socket.once("secureConnect", () => settle());
    socket.on("error", (error) => settle(`${host}:${port}: ${error.message}`));
  });
}
