// One subscriber connection after the other: makes it, notices when it no longer carries what it should, makes the next.
// Owned by topics.ts. Never reuses a connection that was lost: what a driver re-issues by itself nobody has acknowledged.
// States: connecting, ready, pausing (before the next attempt), closed.
import { backoffMs } from "@rookery/protocol";
import type { RedisConnection } from "./connect.ts";

export interface LinkListener {
  /** Nothing is subscribed on it yet. */
  ready(connection: RedisConnection): void;
  /** Told once for each connection that was ready. */
  lost(reason: string): void;
  message(topic: Buffer, message: Buffer): void;
}

export interface SubscriptionLink {
  open(): void;
  /** Gives up the present connection if it is ready, and makes another. */
  drop(reason: string): void;
  close(): void;
}

/** A connection that lived for so long starts the pauses anew. */
const STABLE_AFTER_MS = 5_000;
const PAUSE = { floorMs: 0, firstMs: 20, ceilingMs: 500 };

/** `slots` are those of the partitions' tags: on a Cluster another master for one of them makes a new connection. */
export function createSubscriptionLink(
  connect: () => RedisConnection,
  slots: readonly number[],
  listener: LinkListener,
): SubscriptionLink {
  let state: "connecting" | "ready" | "pausing" | "closed" = "pausing";
  let current: RedisConnection | undefined;
  let pause: NodeJS.Timeout | undefined;
  let losses = 0;
  let readyAtMs = 0;
  let masters = "";
  let lastError = "";

  function open(): void {
    const connection = connect();
    state = "connecting";
    current = connection;
    const whenCurrent =
      <Given extends unknown[]>(act: (...given: Given) => void) =>
      (...given: Given): void => {
        if (current === connection) act(...given);
      };
    connection.on(
      "smessageBuffer",
      whenCurrent((topic: Buffer, message: Buffer) => listener.message(topic, message)),
    );
    connection.on("error", (error) => {
      lastError = `: ${error.message}`;
    });
    connection.on(
      "ready",
      whenCurrent(() => becomeReady(connection)),
    );
    connection.on(
      "close",
      whenCurrent(() => drop(`the connection was closed${lastError}`)),
    );
    connection.on(
      "end",
      whenCurrent(() => replace(`the connection ended${lastError}`)),
    );
    if ("slots" in connection) {
      // A Cluster tells the loss of a subscriber among others; only those carry the address of their node.
      connection.on(
        "-node",
        whenCurrent((_node: unknown, address?: string) => {
          if (address !== undefined) drop(`the subscriber on ${address} ended`);
        }),
      );
      connection.on(
        "subscribersReady",
        whenCurrent(() => {
          if (mastersOf(connection, slots) !== masters) drop("partitions moved to other masters");
        }),
      );
    }
    if (connection.status === "ready") becomeReady(connection);
  }

  function becomeReady(connection: RedisConnection): void {
    if (state !== "connecting") return;
    state = "ready";
    readyAtMs = performance.now();
    lastError = "";
    masters = mastersOf(connection, slots);
    listener.ready(connection);
  }

  /** Before it is ready a connection goes on trying by itself. */
  function drop(reason: string): void {
    if (state === "ready") replace(reason);
  }

  function replace(reason: string): void {
    const wasReady = state === "ready";
    const former = current;
    current = undefined;
    state = "pausing";
    losses = wasReady && performance.now() - readyAtMs > STABLE_AFTER_MS ? 0 : losses + 1;
    pause = setTimeout(open, backoffMs(losses, PAUSE, Math.random()));
    former?.disconnect();
    if (wasReady) listener.lost(reason);
  }

  return {
    open,
    drop,
    close() {
      state = "closed";
      clearTimeout(pause);
      const former = current;
      current = undefined;
      former?.disconnect();
    },
  };
}

/** The master of each slot, as one text; empty for a single server. */
function mastersOf(connection: RedisConnection, slots: readonly number[]): string {
  return "slots" in connection ? slots.map((slot) => connection.slots[slot]?.[0] ?? "").join() : "";
}
