// A whole client of one channel, for browsers and Node: it resumes from its cursor after any loss and repeats what was not
// acknowledged under the same clientId, so nothing is missed and nothing is said twice. No dependency in a browser or in
// Node 22; Node 20 has no WebSocket of its own and takes it from `ws`.

const WebSocket = globalThis.WebSocket ?? (await import("ws")).WebSocket;

/** Calls `onMessage(frame)` once for each frame of the channel, in order. `getToken()` is asked at every connection. */
export function openChannel({ urls, getToken, channel, after = { epoch: 0, seq: 0 }, onMessage, onState = () => {} }) {
  const unanswered = new Map(); // clientId -> { frame, resolve, reject }
  let cursor = after;
  let held = []; // live frames that overtook the page we are waiting for; undefined once we are live
  let socket;
  let losses = 0;
  let stopped = false;

  const say = (frame) => socket?.readyState === 1 && socket.send(JSON.stringify(frame));
  const isAfter = (a, b) => a.epoch > b.epoch || (a.epoch === b.epoch && a.seq > b.seq);
  const apply = (frame) => {
    if (!isAfter(frame, cursor)) return; // a repeat, known by its position
    cursor = { epoch: frame.epoch, seq: frame.seq };
    onMessage(frame);
  };
  const page = ({ messages, more, recovered }) => {
    if (recovered === false) onState("some messages could not be recovered");
    messages.forEach(apply);
    if (more && recovered !== false) {
      say({ type: "history", ref: "page", channel, after: cursor, limit: 200 });
      return;
    }
    const overtaken = held ?? [];
    held = undefined;
    overtaken.forEach(apply);
    for (const { frame } of unanswered.values()) say(frame);
    onState("live");
  };
  const settle = (frame) => {
    const send = unanswered.get(frame.ref);
    if (send === undefined || frame.code === "unknown" || frame.retry === "later") return; // repeated after a moment
    unanswered.delete(frame.ref);
    if (frame.type === "ok") send.resolve(frame);
    else send.reject(Object.assign(new Error(frame.message), { code: frame.code }));
  };

  const on = {
    welcome: () => say({ type: "join", ref: "page", channel, after: cursor, limit: 200 }),
    ok: (frame) => (frame.ref === "page" ? page(frame) : settle(frame)),
    error: (frame) => {
      if (frame.ref !== "page") settle(frame);
      else if (frame.retry === "never") stopped = true;
      if (frame.ref === "page") socket.close();
    },
    message: (frame) => (held === undefined ? apply(frame) : held.push(frame)),
    gap: () => {
      held ??= [];
      say({ type: "history", ref: "page", channel, after: cursor, limit: 200 });
    },
  };

  async function connect() {
    held = [];
    const token = await getToken();
    const bearer = btoa(token).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    socket = new WebSocket(urls[losses % urls.length], ["rookery.v1", `bearer.${bearer}`]);
    socket.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(data);
      on[frame.type]?.(frame);
    });
    socket.addEventListener("error", () => {}); // `close` follows and says what to do
    socket.addEventListener("close", ({ code }) => {
      if (stopped || code >= 4500) {
        onState(`closed ${code}`);
        return;
      }
      losses += 1;
      onState(`reconnecting after ${code}`);
      setTimeout(() => void connect(), Math.random() * Math.min(20_000, 250 * 2 ** Math.min(losses, 7)));
    });
  }

  const repeats = setInterval(() => held === undefined && unanswered.forEach(({ frame }) => say(frame)), 3000);
  const signs = setInterval(() => say({ type: "ping" }), 25_000);
  void connect();
  return {
    /** Resolves with the `ok` (id, epoch, seq); rejects when the server refused for good. */
    send: (body) =>
      new Promise((resolve, reject) => {
        const clientId = crypto.randomUUID();
        const frame = { type: "send", ref: clientId, channel, clientId, body };
        unanswered.set(clientId, { frame, resolve, reject });
        if (held === undefined) say(frame);
      }),
    cursor: () => cursor,
    close() {
      stopped = true;
      clearInterval(repeats);
      clearInterval(signs);
      socket?.close();
    },
  };
}
