/**
 * The client in React: what components draw of a connection and of channels, on `useSyncExternalStore`. Joins and leaves in
 * effects alone, so that a server which renders opens no socket and a component that is mounted twice joins once.
 */
import {
  createContext,
  createElement,
  useCallback,
  useContext,
  useEffect,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";
import type { FunctionComponent, ReactNode } from "react";
import { connect } from "./connect.ts";
import type { Channel, ChannelOptions, ChannelState } from "./public-channel.ts";
import type { Client, ConnectOptions } from "./public-client.ts";
import type { ConnectionState, Mode, Person, Position } from "./public-types.ts";
import { ignore } from "./settle.ts";

export type RookeryProviderProps = { readonly children?: ReactNode } &
  /** Made, and closed, by the application. */
  (
    | { readonly client: Client }
    /** Connected once mounted, closed once unmounted; anew where an address is another. */
    | ConnectOptions
  );

export interface UsedChannel {
  /** Undefined until the component is mounted in a provider. */
  readonly channel: Channel | undefined;
  readonly state: ChannelState;
}

interface Held {
  readonly channel: Channel;
  users: number;
  leaves?: ReturnType<typeof setTimeout>;
}

/** A component that is mounted again at once has not left. */
const LEAVES_AFTER_MS = 1_000;
const NOTHING: ChannelState = {
  ...{ phase: "away", messages: [], pending: [], hasOlder: false, can: [], present: [], typing: [] },
};

const Context = createContext<Client | undefined>(undefined);
const held = new WeakMap<Client, Map<string, Held>>();

export const RookeryProvider: FunctionComponent<RookeryProviderProps> = ({ children, ...given }) => {
  const [made, setMade] = useState<Client>();
  const options = useRef(given);
  options.current = given;
  const urls = "client" in given ? undefined : (given.urls ?? [given.url]).join();
  useEffect(() => {
    const wished = options.current;
    if ("client" in wished) return undefined;
    const { token } = wished;
    // A page makes another function for each time that it renders: the newest one is asked.
    const newest = async (): Promise<string> => {
      const { current } = options;
      return "token" in current && typeof current.token === "function" ? current.token() : "";
    };
    const client = connect({ ...wished, token: typeof token === "string" ? token : newest });
    setMade(client);
    return () => {
      setMade(undefined);
      client.close();
    };
  }, [urls]);
  return createElement(Context.Provider, { value: "client" in given ? given.client : made }, children);
};

/** Undefined until the provider is mounted. */
export function useClient(): Client | undefined {
  return useContext(Context);
}

export function useConnection(): { readonly state: ConnectionState; readonly me: Person | undefined } {
  const client = useClient();
  const state = useSyncExternalStore(
    useCallback((hear: () => void) => client?.on("state", hear) ?? ignore, [client]),
    () => client?.state() ?? "idle",
    () => "idle" as const,
  );
  return { state, me: client?.me() };
}

/** Joins while some component uses it; the options are those of the first one. */
export function useChannel(id: string, options?: ChannelOptions): UsedChannel {
  const client = useClient();
  const [joined, setJoined] = useState<Channel>();
  const first = useRef(options);
  useEffect(() => {
    if (client === undefined) return undefined;
    const { channel, release } = hold(client, id, first.current);
    setJoined(channel);
    return release;
  }, [client, id]);
  // Between two ids, and between two clients, there is none for a moment.
  const channel = client !== undefined && joined?.id === id ? joined : undefined;
  const state = useSyncExternalStore(
    useCallback((hear: () => void) => channel?.on("change", hear) ?? ignore, [channel]),
    () => channel?.state() ?? NOTHING,
    () => NOTHING,
  );
  return { channel, state };
}

/** Who is there: the number, and the names while there are few enough for that. */
export function usePresence(id: string): {
  readonly online: number | undefined;
  readonly mode: Mode | undefined;
  readonly present: readonly Person[];
} {
  const { channel, state } = useChannel(id);
  const { phase, online, mode, present } = state;
  const isNamed = phase === "live" && mode === "full";
  useEffect(() => {
    if (isNamed) channel?.members().catch(ignore);
  }, [channel, isNamed]);
  return { online, mode, present };
}

/** Who types, and how to tell that this user does. */
export function useTyping(id: string): { readonly typing: readonly Person[]; readonly tell: (on?: boolean) => void } {
  const { channel, state } = useChannel(id);
  return { typing: state.typing, tell: useCallback((on?: boolean) => channel?.typing(on), [channel]) };
}

/** What is unread, and how to say that it was read. */
export function useUnread(id: string): {
  readonly unread: number | undefined;
  readonly mentions: number | undefined;
  readonly read: Position | undefined;
  readonly markRead: (upTo?: Position) => void;
} {
  const { channel, state } = useChannel(id);
  const { unread, mentions, read } = state;
  const markRead = useCallback((upTo?: Position) => void channel?.read(upTo).catch(ignore), [channel]);
  return { unread, mentions, read, markRead };
}

function hold(
  client: Client,
  id: string,
  options: ChannelOptions | undefined,
): { channel: Channel; release: () => void } {
  const all = held.get(client) ?? new Map<string, Held>();
  held.set(client, all);
  const known = all.get(id);
  const isOver = known === undefined || known.channel.state().phase === "out";
  const one: Held = isOver ? { channel: client.channel(id, options), users: 0 } : known;
  all.set(id, one);
  one.users += 1;
  clearTimeout(one.leaves);
  const release = (): void => {
    one.users -= 1;
    if (one.users > 0) return;
    one.leaves = setTimeout(() => {
      if (all.get(id) === one) all.delete(id);
      one.channel.leave();
    }, LEAVES_AFTER_MS);
  };
  return { channel: one.channel, release };
}
