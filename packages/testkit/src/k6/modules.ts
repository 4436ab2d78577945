// What a load script may import: the parts of k6's modules that ours use, on real HTTP and real sockets. Made once for each
// virtual user. Must never offer what k6 does not: a script that runs here has to run there.
import { createHmac } from "node:crypto";
import type { EventLoop } from "./event-loop.ts";
import type { MetricKind, Registry } from "./metrics.ts";
import { openSocket } from "./socket.ts";

export interface ModuleOptions {
  readonly loop: EventLoop;
  readonly registry: Registry;
  readonly vu: number;
  /** While a script is loaded: metrics and shared arrays are made then, and sockets and requests are not. */
  readonly isLoading: () => boolean;
  readonly shared: Map<string, readonly unknown[]>;
}

export type Modules = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface RequestParams {
  readonly headers?: Readonly<Record<string, string>>;
}

export const modulesOf = (options: ModuleOptions): Modules => {
  const { loop, shared, vu } = options;
  const request = requestOf(loop);
  const whileRunning = (what: string): void => {
    if (options.isLoading()) throw new Error(`${what} is not available while a script is loaded`);
  };
  return {
    "k6/metrics": {
      Counter: metricOf("counter", options),
      Trend: metricOf("trend", options),
      Rate: metricOf("rate", options),
    },
    "k6/execution": { vu: { idInTest: vu, idInInstance: vu } },
    "k6/crypto": { hmac },
    "k6/encoding": { b64encode },
    "k6/timers": timersOf(loop),
    "k6/data": {
      SharedArray: function SharedArray(name: string, make: () => readonly unknown[]) {
        const list = shared.get(name) ?? make();
        shared.set(name, list);
        return list;
      },
    },
    "k6/http": {
      asyncRequest: (method: string, url: string, body?: string | null, params?: RequestParams | null) => {
        whileRunning("asyncRequest");
        return request(method, url, body, params);
      },
    },
    "k6/websockets": {
      WebSocket: function WebSocket(url: string) {
        whileRunning("a WebSocket");
        return openSocket(loop, url);
      },
    },
  };
};

const metricOf = (kind: MetricKind, { registry, isLoading }: ModuleOptions) =>
  function Metric(name: string, isTime = false) {
    if (!isLoading()) throw new Error(`the metric ${name} has to be made while the script is loaded`);
    const sink = registry.metric(name, kind, isTime);
    return { name, add: (value: number | boolean) => sink.add(value) };
  };

const HMAC_FORMS: Readonly<Record<string, "hex" | "base64" | "base64url">> = {
  hex: "hex",
  base64: "base64",
  base64rawurl: "base64url",
};

const hmac = (algorithm: string, secret: string, input: string, form: string): string => {
  const encoding = HMAC_FORMS[form];
  if (algorithm !== "sha256" || encoding === undefined) throw new Error(`no hmac of ${algorithm} as ${form} here`);
  return createHmac(algorithm, secret).update(input).digest(encoding);
};

const b64encode = (input: string, form = "std"): string => {
  if (form !== "std" && form !== "rawurl") throw new Error(`no base64 as ${form} here`);
  return Buffer.from(input).toString(form === "std" ? "base64" : "base64url");
};

type Timer = (act: () => void, ms: number) => number;

const timersOf = (loop: EventLoop): Readonly<Record<string, Timer | ((id: number) => void)>> => {
  const stops = new Map<number, () => void>();
  let ids = 0;
  const start =
    (isRepeated: boolean): Timer =>
    (act, ms) => {
      const id = (ids += 1);
      const fire = (): void => {
        loop.run(act);
        if (!isRepeated) stop(id);
      };
      const timer = isRepeated ? setInterval(fire, ms) : setTimeout(fire, ms);
      const done = loop.expect(() => clearTimeout(timer));
      stops.set(id, () => {
        clearTimeout(timer);
        done();
      });
      return id;
    };
  const stop = (id: number): void => {
    stops.get(id)?.();
    stops.delete(id);
  };
  return { setTimeout: start(false), setInterval: start(true), clearTimeout: stop, clearInterval: stop };
};

/** As Go spells a header: `Retry-After`. */
const headerName = (name: string): string => name.replace(/(^|-)([a-z])/g, (part) => part.toUpperCase());

/** What cannot be reached has status 0, as in k6: nothing is thrown. */
const requestOf =
  (loop: EventLoop) =>
  async (method: string, url: string, body?: string | null, params?: RequestParams | null): Promise<object> => {
    const giveUp = new AbortController();
    const done = loop.expect(() => giveUp.abort());
    try {
      const headers = { ...params?.headers };
      const answer = await fetch(url, { method, headers, body: body ?? null, signal: giveUp.signal });
      const text = await answer.text();
      const told = [...answer.headers].map(([name, value]) => [headerName(name), value] as const);
      return { status: answer.status, headers: Object.fromEntries(told), body: text };
    } catch (error) {
      return { status: 0, headers: {}, body: null, error: String(error) };
    } finally {
      done();
    }
  };
