// Contract of the independent client, against a small chat of one process that can be told to misbehave.
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import { checkHistories, describeViolations } from "./checker.ts";
import { connectClient } from "./client.ts";
import type { ChatClient, ClientOptions } from "./client.ts";
import { comparePositions, isPosition, parseFrame } from "./client-frame.ts";
import type { Frame, Position } from "./client-frame.ts";
import { eventually } from "./eventually.ts";

const pageMessages = 3;

/** What a test may change while the chat runs. */
interface Chat {
  url: string;
  log: (Frame & Position)[];
  requests: IncomingMessage[];
  /** Number of answers to drop, with their connection, after the command was done. */
  loseAnswers: number;
  /** Number of joins to refuse, as a node that cannot look at a channel does. */
  refuseJoins: number;
  /** Called before a join is answered. */
  beforeJoinReply: () => void;
  announce: (frame: Frame) => void;
  say: (body: string, more?: Partial<Frame>) => Frame & Position;
  closeAll: (code: number) => void;
}

type Command = (chat: Chat, frame: Frame, socket: WebSocket) => Frame;

const after = (chat: Chat, frame: Frame): Frame => {
  const from = isPosition(frame["after"]) ? frame["after"] : { epoch: 0, seq: 0 };
  const rest = chat.log.filter((one) => comparePositions(one, from) > 0);
  return { type: "ok", messages: rest.slice(0, pageMessages), more: rest.length > pageMessages };
};

const commands: Record<string, Command> = {
  join: (chat, frame) => {
    const { epoch, seq } = chat.log.at(-1) ?? { epoch: 0, seq: 0 };
    const page = frame["after"] === undefined ? { messages: chat.log.slice(-pageMessages) } : after(chat, frame);
    chat.beforeJoinReply();
    if (chat.refuseJoins > 0) {
      chat.refuseJoins -= 1;
      return { type: "error", code: "unavailable", retryAfterMs: 1 };
    }
    return { ...page, type: "ok", channel: "c", epoch, seq, recovered: frame["after"] !== undefined };
  },
  history: after,
  send: (chat, frame) => {
    const known = chat.log.find((one) => one.clientId === frame.clientId);
    const { epoch, seq, id = "" } = known ?? chat.say(frame.body ?? "", { clientId: frame.clientId ?? "" });
    return { type: "ok", epoch, seq, id, ...(known === undefined ? {} : { duplicate: true }) };
  },
};

const serve = (chat: Chat, socket: WebSocket): void => {
  socket.on("message", (data) => {
    const frame = parseFrame(Buffer.isBuffer(data) ? data.toString() : "");
    if (frame.type === "auth") socket.send(JSON.stringify({ type: "welcome", user: "ann" }));
    const reply = commands[frame.type]?.(chat, frame, socket) ?? { type: "ok" };
    if (chat.loseAnswers > 0) {
      chat.loseAnswers -= 1;
      socket.terminate();
    } else socket.send(JSON.stringify({ ...reply, ref: frame.ref }));
  });
};

const startChat = async (): Promise<Chat> => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "rookery.v1" });
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const chat: Chat = {
    url: `ws://127.0.0.1:${port}/ws`,
    log: [],
    requests: [],
    loseAnswers: 0,
    refuseJoins: 0,
    beforeJoinReply: () => undefined,
    announce: (frame) => server.clients.forEach((socket) => socket.send(JSON.stringify(frame))),
    say: (body, more = {}) => {
      const { epoch, seq } = chat.log.at(-1) ?? { epoch: 1, seq: 0 };
      const position = { epoch, seq: seq + 1 };
      const frame = {
        type: "message",
        channel: "c",
        id: `m${position.seq}`,
        clientId: `x${position.seq}`,
        user: "ann",
        body,
      };
      chat.log.push({ ...frame, ...position, ...more });
      chat.announce({ ...frame, ...position, ...more });
      return { ...frame, ...position, ...more };
    },
    closeAll: (code) => server.clients.forEach((socket) => socket.close(code)),
  };
  server.on("connection", (socket, request) => {
    chat.requests.push(request);
    serve(chat, socket);
    const inHeader = request.headers.authorization ?? request.headers["sec-websocket-protocol"];
    if (inHeader !== undefined) socket.send(JSON.stringify({ type: "welcome", user: "ann" }));
  });
  onTestFinished(() => {
    server.clients.forEach((socket) => socket.terminate());
    server.close();
  });
  return chat;
};

const connected = async (chat: Chat, more: Partial<ClientOptions> = {}): Promise<ChatClient> => {
  const client = await connectClient({ url: chat.url, token: "t.o.ken", ...more });
  onTestFinished(client.close);
  return client;
};

const reconnecting = (chat: Chat): Partial<ClientOptions> => ({
  reconnecting: { urls: [chat.url], firstDelayMs: 5, maxDelayMs: 20 },
});

const bodies = (client: ChatClient): string[] => client.inOrder("c").map(({ body = "" }) => body);

describe("the client", () => {
  it("puts the token where it is told to", async () => {
    const chat = await startChat();
    await connected(chat);
    await connected(chat, { via: "subprotocol" });
    await connected(chat, { via: "auth" });
    const [header, subprotocol, auth] = chat.requests.map(({ headers }) => headers);
    expect(header?.authorization).toBe("Bearer t.o.ken");
    expect(subprotocol?.["sec-websocket-protocol"]).toBe(
      `rookery.v1,bearer.${Buffer.from("t.o.ken").toString("base64url")}`,
    );
    expect(auth).not.toHaveProperty("authorization");
  });

  it("tells how a connection that never was welcomed ended", async () => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    await once(server, "listening");
    onTestFinished(() => server.close());
    server.on("connection", (socket) => socket.close(4401, "token"));
    const address = server.address();
    const url = `ws://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`;
    await expect(connectClient({ url, token: "bad" })).rejects.toMatchObject({
      closing: { code: 4401, reason: "token" },
    });
  });

  it("takes live frames in order and once", async () => {
    const chat = await startChat();
    const client = await connected(chat);
    await client.join("c");
    const [first] = [chat.say("one"), chat.say("two")];
    chat.announce(first);
    await client.waitFor((frame) => frame.body === "two");
    await eventually(() => client.channel("c").repeats === 1);
    expect(bodies(client)).toEqual(["one", "two"]);
    expect(client.problems()).toEqual([]);
  });

  it("holds what overtakes a join reply, and reads pages on to their end", async () => {
    const chat = await startChat();
    for (const body of ["1", "2", "3", "4", "5", "6", "7"]) chat.say(body);
    chat.beforeJoinReply = () => chat.say("8");
    const client = await connected(chat);
    await client.join("c", { after: { epoch: 0, seq: 0 } });
    expect(bodies(client)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8"]);
    expect(client.channel("c").repeats).toBe(0);
    expect(client.problems()).toEqual([]);
  });

  it("complains of a hole that nobody told of and does not mend it", async () => {
    const chat = await startChat();
    const client = await connected(chat);
    await client.join("c");
    chat.say("one");
    chat.log.push({ type: "message", channel: "c", id: "m2", epoch: 1, seq: 2, body: "unannounced" });
    chat.say("three");
    await client.waitFor((frame) => frame.body === "three");
    expect(client.problems()).toEqual(["c: 1-3 came after 1-1"]);
    expect(bodies(client)).toEqual(["one", "three"]);
    const found = checkHistories({ clients: [client.history] }).map(({ rule }) => rule);
    expect(found).toContain("a jump without a gap");
  });

  it("fetches a hole that it was told of", async () => {
    const chat = await startChat();
    const client = await connected(chat);
    await client.join("c");
    chat.say("one");
    for (const seq of [2, 3, 4, 5, 6]) {
      chat.log.push({ type: "message", channel: "c", id: `m${seq}`, epoch: 1, seq, body: `shed ${seq}` });
    }
    chat.announce({ type: "gap", channel: "c", from: { epoch: 1, seq: 2 }, to: { epoch: 1, seq: 6 } });
    chat.say("seven");
    await eventually(() => expect(bodies(client)).toHaveLength(7));
    expect(bodies(client)).toEqual(["one", "shed 2", "shed 3", "shed 4", "shed 5", "shed 6", "seven"]);
    expect(client.problems()).toEqual([]);
  });

  it("forgets what a failover took back and goes on behind it", async () => {
    const chat = await startChat();
    const client = await connected(chat);
    await client.join("c");
    chat.say("one");
    chat.say("taken back");
    chat.announce({ type: "gap", channel: "c", from: { epoch: 1, seq: 2 }, to: { epoch: 1, seq: 2 }, lost: true });
    chat.say("two", { epoch: 2, seq: 2, prev: { epoch: 1, seq: 1 } });
    await client.waitFor((frame) => frame.body === "two");
    expect(bodies(client)).toEqual(["one", "two"]);
    expect(client.problems()).toEqual([]);
  });
});

describe("the client between connections", () => {
  it("comes back where it stood and misses nothing", async () => {
    const chat = await startChat();
    const client = await connected(chat, reconnecting(chat));
    await client.join("c");
    chat.say("one");
    await client.waitFor((frame) => frame.body === "one");
    client.kill();
    for (const body of ["2", "3", "4", "5", "6"]) chat.say(body);
    await eventually(() => client.session() === 2);
    await client.ready();
    expect(bodies(client)).toEqual(["one", "2", "3", "4", "5", "6"]);
    expect(client.problems()).toEqual([]);
  });

  it("misses nothing when it is refused a channel on its return, though frames came before the refusal", async () => {
    const chat = await startChat();
    const client = await connected(chat, reconnecting(chat));
    await client.join("c");
    chat.say("one");
    await client.waitFor((frame) => frame.body === "one");
    client.kill();
    chat.say("2");
    chat.refuseJoins = 1;
    let isSaid = false;
    chat.beforeJoinReply = () => {
      if (!isSaid) chat.say("3");
      isSaid = true;
    };
    await eventually(() => client.session() === 2);
    await client.ready();
    expect(chat.refuseJoins).toBe(0);
    expect(bodies(client)).toEqual(["one", "2", "3"]);
    expect(client.problems()).toEqual([]);
  });

  it("repeats an unanswered send under its clientId, which stands once", async () => {
    const chat = await startChat();
    const client = await connected(chat, reconnecting(chat));
    await client.join("c");
    chat.loseAnswers = 1;
    const reply = await client.send("c", "once", "mine");
    expect(reply).toMatchObject({ type: "ok", seq: 1, duplicate: true });
    expect(chat.log.filter(({ clientId }) => clientId === "mine")).toHaveLength(1);
    expect(bodies(client)).toEqual(["once"]);
    expect(describeViolations(checkHistories({ clients: [client.history] }))).toBe("");
  });

  it("sends what waits for the next connection also when several in a row are lost before they are resumed", async () => {
    const chat = await startChat();
    const client = await connected(chat, reconnecting(chat));
    await client.join("c");
    client.kill();
    await eventually(() => client.history.events.some(({ kind }) => kind === "closed"));
    chat.loseAnswers = 2;
    expect(await client.send("c", "late")).toMatchObject({ type: "ok", seq: 1 });
    expect(client.session()).toBe(4);
  });

  it("comes back after the draining codes and stays away after those that say stop", async () => {
    const chat = await startChat();
    const client = await connected(chat, reconnecting(chat));
    chat.closeAll(4000);
    await eventually(() => client.session() === 2);
    await client.ready();
    chat.closeAll(4503);
    expect(await client.closed).toMatchObject({ code: 4503 });
  });

  it("leaves a draining node at the time it was told", async () => {
    const chat = await startChat();
    // A pause of its own choice would take a minute at most, so only the told delay brings it back in time.
    const client = await connected(chat, { reconnecting: { urls: [chat.url], firstDelayMs: 600_000 } });
    chat.announce({ type: "reconnect", afterMs: 5, code: 4000 });
    await eventually(() => client.session() === 2);
    expect(chat.requests).toHaveLength(2);
  });

  it("can be closed while it is trying to come back", async () => {
    const chat = await startChat();
    const client = await connected(chat, { reconnecting: { urls: ["ws://127.0.0.1:9/ws"], firstDelayMs: 60_000 } });
    client.kill();
    await eventually(() => client.history.events.some(({ kind }) => kind === "closed"));
    await client.close();
    expect(await client.closed).toMatchObject({ code: 1006 });
  });

  it("rejects what it cannot know when it does not reconnect", async () => {
    const chat = await startChat();
    const client = await connected(chat);
    chat.loseAnswers = 1;
    await expect(client.send("c", "lost")).rejects.toThrow(/ended before the answer/);
  });
});
