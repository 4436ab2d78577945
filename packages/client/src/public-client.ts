/** The client as an application holds it, and what `connect` takes: types alone, and of this package alone. */
import type { Channel, ChannelOptions } from "./public-channel.ts";
import type { ConnectionState, Meta, Person, Storage } from "./public-types.ts";

/** Of what a WebSocket tells, what is used. */
export interface SocketEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly code?: number;
  readonly reason?: string;
}

/** Of a WebSocket, what is used. */
export interface SocketLike {
  readonly readyState: number;
  addEventListener(type: string, hear: (event: SocketEvent) => void): void;
  send(text: string): void;
  close(code?: number): void;
}

export interface ConnectOptions {
  /** `ws://` or `wss://` and the path, of any node or balancer. */
  readonly url?: string;
  /** Several, tried in turn. */
  readonly urls?: readonly string[];
  /** A token, or where to get a fresh one: asked again before it ends and whenever it is refused. */
  readonly token: string | (() => Promise<string> | string);
  /** `localStorage`, say: unsent messages survive a reload, and `resume` works. */
  readonly storage?: Storage;
  /** Where there is no global one, as in Node 20. */
  readonly WebSocket?: new (url: string, protocols: string[]) => SocketLike;
  /** Closes the client. */
  readonly signal?: AbortSignal;
}

export interface Notice {
  readonly id: string;
  readonly body: string;
  readonly meta?: Meta;
  readonly at: number;
}

export interface ClientEvents {
  /** With the reason where there is one: a close code's word, why a token could not be had. */
  state: { readonly state: ConnectionState; readonly reason: string };
  /** The operator's backend tells this user something. */
  notice: Notice;
  /** What went wrong and belongs to no promise, as it was thrown: no token could be had, a storage is full. */
  error: unknown;
}

export interface Client {
  readonly state: () => ConnectionState;
  /** Who the token says this is; undefined until the first session. */
  readonly me: () => Person | undefined;
  /** Joins it, and stays in it over every reconnect; the same object for the same id until it is left. */
  readonly channel: (id: string, options?: ChannelOptions) => Channel;
  /** Answers how to stop it. */
  readonly on: <E extends keyof ClientEvents>(event: E, hear: (value: ClientEvents[E]) => void) => () => void;
  /** For good. What has no answer yet is rejected with `closed`; a storage keeps unsent messages for the next client. */
  readonly close: () => void;
}
