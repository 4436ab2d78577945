// Owns a TCP proxy on loopback that spoils connections on purpose: delay, narrow lines, cuts, silence, lost replies.
// Called by fault tests and the lab. States of a link: flowing, frozen (bytes held), cut. The switches apply to links that
// exist and to later ones. Must never change or reorder bytes: it delays them, or the link ends.
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

/** Held per direction before the sender is made to wait, so that a narrow line is felt at its far end. */
const heldBytes = 64 * 1024;
/** A narrow line gives out its bytes in slices of this length. */
const sliceMs = 20;

export interface ProxyOptions {
  /** A URL whose host and port are the target, or `host:port`. */
  target: string;
}

export interface Proxy {
  port: number;
  /** The target's URL with this proxy as its host and port, or `scheme://127.0.0.1:port`. */
  url: (scheme?: string) => string;
  /** Destroys every live link; returns how many there were. */
  cut: () => number;
  /** Refuses new connections, or accepts them again. Live ones stay. */
  refuse: (on: boolean) => void;
  /** Adds this delay to each direction. */
  latency: (ms: number) => void;
  /** Limits each direction of each link; undefined takes the limit away. */
  bandwidth: (bytesPerSec: number | undefined) => void;
  /**
   * Drops the next bytes from the target to a client and cuts that link: what was asked was done, but the answer is lost.
   * Resolves when that has happened. `matches` chooses the bytes.
   */
  loseNextReply: (matches?: (bytes: Buffer) => boolean) => Promise<void>;
  /** Holds all bytes both ways without closing anything, as a network that drops every packet; or lets them go. */
  freeze: (on: boolean) => void;
  connections: () => number;
  close: () => Promise<void>;
}

/** What the switches say at the moment. `changed` wakes those who wait for it. */
interface Weather {
  refusing: boolean;
  frozen: boolean;
  latencyMs: number;
  bytesPerSec: number | undefined;
  thawed: Promise<void>;
  thaw: () => void;
  lose: ((bytes: Buffer) => boolean) | undefined;
  lost: () => void;
}

interface Link {
  client: Socket;
  server: Socket;
}

const hostAndPort = (target: string): { host: string; port: number } => {
  const [, host, port] = /^(?:[a-z+]+:\/\/)?(?:[^@/]*@)?([^:/]+):(\d+)/.exec(target) ?? [];
  if (host === undefined || port === undefined) throw new Error(`no host and port in ${target}`);
  return { host, port: Number(port) };
};

const proxiedUrl = (target: string, port: number, scheme: string | undefined): string => {
  const { host, port: targetPort } = hostAndPort(target);
  if (!target.includes("://")) return `${scheme ?? "tcp"}://127.0.0.1:${port}`;
  const moved = target.replace(`${host}:${targetPort}`, `127.0.0.1:${port}`);
  return scheme === undefined ? moved : moved.replace(/^[a-z+]+:/, `${scheme}:`);
};

/** Gives a chunk out as the weather allows. */
const trickle = async (weather: Weather, to: Socket, chunk: Buffer): Promise<void> => {
  let rest = chunk;
  while (rest.length > 0 && !to.destroyed) {
    if (weather.frozen) await weather.thawed;
    const rate = weather.bytesPerSec;
    const part = rate === undefined ? rest : rest.subarray(0, Math.max(1, Math.floor((rate * sliceMs) / 1_000)));
    rest = rest.subarray(part.length);
    const flushed = to.write(part);
    if (rate !== undefined) await delay((part.length / rate) * 1_000);
    if (!flushed && !to.destroyed) await Promise.race([once(to, "drain"), once(to, "close")]);
  }
};

/** Carries one direction in order. `judge` may refuse a chunk, which ends the direction. */
const carry = (weather: Weather, from: Socket, to: Socket, judge: (chunk: Buffer) => boolean): void => {
  let waiting: Promise<void> = Promise.resolve();
  let held = 0;
  const queue = (work: () => Promise<void>): void => {
    waiting = waiting.then(work).catch(() => void from.destroy());
  };
  from.on("data", (chunk: Buffer) => {
    if (!judge(chunk)) return;
    const dueMs = Date.now() + weather.latencyMs;
    held += chunk.length;
    if (held > heldBytes) from.pause();
    queue(async () => {
      const early = dueMs - Date.now();
      if (early > 0) await delay(early);
      await trickle(weather, to, chunk);
      held -= chunk.length;
      if (held <= heldBytes) from.resume();
    });
  });
  from.on("end", () =>
    queue(async () => {
      if (weather.frozen) await weather.thawed;
      to.end();
    }),
  );
};

const joinSockets = (weather: Weather, link: Link, over: () => void): void => {
  const { client, server } = link;
  const end = (): void => {
    client.destroy();
    server.destroy();
    over();
  };
  for (const socket of [client, server]) {
    socket.setNoDelay(true);
    // The other side's `close` follows; the error itself is the fault that was asked for.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      // A frozen network tells neither side that the other is gone.
      if (weather.frozen) void weather.thawed.then(end);
      else end();
    });
  }
  carry(weather, client, server, () => true);
  carry(weather, server, client, (chunk) => {
    if (weather.lose?.(chunk) !== true) return true;
    weather.lose = undefined;
    end();
    weather.lost();
    return false;
  });
};

const freezeSwitch =
  (weather: Weather) =>
  (on: boolean): void => {
    if (on === weather.frozen) return;
    weather.frozen = on;
    if (!on) {
      weather.thaw();
      return;
    }
    weather.thawed = new Promise((resolve) => {
      weather.thaw = resolve;
    });
  };

const calm = (): Weather => ({
  refusing: false,
  frozen: false,
  latencyMs: 0,
  bytesPerSec: undefined,
  thawed: Promise.resolve(),
  thaw: () => undefined,
  lose: undefined,
  lost: () => undefined,
});

/** Starts a proxy on a free loopback port. It is up to the caller to `close` it. */
export const startProxy = async ({ target }: ProxyOptions): Promise<Proxy> => {
  const weather = calm();
  const links = new Set<Link>();
  const freeze = freezeSwitch(weather);
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    if (weather.refusing) {
      client.resetAndDestroy();
      return;
    }
    const link = { client, server: connect({ ...hostAndPort(target), allowHalfOpen: true }) };
    links.add(link);
    joinSockets(weather, link, () => links.delete(link));
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const cut = (): number => {
    const count = links.size;
    for (const { client, server } of links) {
      client.destroy();
      server.destroy();
    }
    links.clear();
    return count;
  };
  return {
    port,
    url: (scheme) => proxiedUrl(target, port, scheme),
    cut,
    refuse: (on) => void (weather.refusing = on),
    latency: (ms) => void (weather.latencyMs = ms),
    bandwidth: (bytesPerSec) => void (weather.bytesPerSec = bytesPerSec),
    loseNextReply: (matches = () => true) =>
      new Promise((resolve) => {
        weather.lose = matches;
        weather.lost = resolve;
      }),
    freeze,
    connections: () => links.size,
    close: async () => {
      freeze(false);
      const closed = once(listener, "close");
      listener.close();
      cut();
      await closed;
    },
  };
};
