// Plays one conversation with a running cluster and writes down every frame of it, for PROTOCOL.md and for the test that holds
// the document to it. Called by that test. Two people on two edges; each step waits for all that it causes, so that what they
// hear is written in one order, whatever came first. Must never leave a frame out: one that no step expects is an error.
import type { Cluster, Frame } from "@rookery/testkit";
import { openRaw } from "./raw-socket.ts";
import type { RawSocket } from "./raw-socket.ts";

const CHANNEL = "lobby";
const TOKEN_SHOWN = 12;

type Asked = { readonly type: string } & Readonly<Record<string, unknown>>;

/** Lines as the document has them: `ann > ..` is said by ann, `ann < ..` heard, `# ..` happens beside it. */
export async function playTranscript(cluster: Cluster): Promise<string[]> {
  const lines: string[] = [];
  const opened: RawSocket[] = [];
  const [first = "", second = ""] = cluster.ready.ws;

  async function open(name: string, url: string, token?: string) {
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const socket = await openRaw(url, { headers, protocols: ["rookery.v1"] });
    opened.push(socket);
    const written = new Set<Frame>();
    let refs = 0;
    const write = (mark: string, frame: object): void => void lines.push(`${name} ${mark} ${shown(frame)}`);
    const hears = async (type: string, fits: (frame: Frame) => boolean = () => true): Promise<Frame> => {
      const frame = await socket.waitFor((each) => each.type === type && !written.has(each) && fits(each));
      written.add(frame);
      write("<", frame);
      return frame;
    };
    const says = (frame: object): void => {
      write(">", frame);
      socket.send(JSON.stringify(frame));
    };
    return {
      hears,
      says,
      /** A command with a `ref` and its answer. */
      async asks({ type, ...rest }: Asked, answer = "ok"): Promise<Frame> {
        const ref = String((refs += 1));
        says({ type, ref, ...rest });
        return hears(answer, (each) => each.ref === ref);
      },
      async closed(): Promise<void> {
        const { code, reason } = await socket.closed;
        lines.push(`${name} x ${code} ${reason}`);
        this.heardAll();
      },
      cut: socket.cut,
      heardAll(): void {
        const left = socket.frames.filter((frame) => !written.has(frame));
        if (left.length > 0) throw new Error(`${name} heard what no step expects: ${JSON.stringify(left)}`);
      },
    };
  }
  type Person = Awaited<ReturnType<typeof open>>;
  const bothHear = async (people: readonly Person[], type: string): Promise<void> => {
    for (const person of people) await person.hears(type);
  };

  async function comeIn(): Promise<[ann: Person, bob: Person]> {
    lines.push("# ann shows her token with the upgrade, bob in his first frame");
    const ann = await open("ann", first, cluster.token("ann", { name: "Ann" }));
    await ann.hears("welcome");
    const bob = await open("bob", second);
    bob.says({ type: "auth", ref: "0", token: cluster.token("bob", { name: "Bob" }) });
    await bob.hears("welcome");
    await bob.hears("ok");
    await ann.asks({ type: "join", channel: CHANNEL });
    await bob.asks({ type: "join", channel: CHANNEL, persisted: true });
    await ann.hears("joined");
    return [ann, bob];
  }

  async function talk(ann: Person, bob: Person): Promise<string> {
    lines.push("# bob types, says something, and repeats it as after a lost answer");
    await bob.asks({ type: "typing", channel: CHANNEL, on: true });
    await ann.hears("typing");
    const said = { type: "send", channel: CHANNEL, clientId: "k1", body: "helo @ann" };
    const { id = "" } = await bob.asks(said);
    await bothHear([bob, ann], "message");
    await ann.hears("typing");
    await bob.hears("persisted");
    await bob.asks(said);
    await bob.hears("persisted");
    await bob.asks({ ...said, body: "something else" }, "error");
    lines.push("# he changes it, ann reacts and answers, and may not edit what is his");
    await bob.asks({ type: "edit", channel: CHANNEL, id, body: "hello @ann" });
    await bothHear([bob, ann], "edited");
    await ann.asks({ type: "react", channel: CHANNEL, id, emoji: "👍", on: true });
    await bothHear([bob, ann], "reaction");
    await ann.asks({
      type: "send",
      channel: CHANNEL,
      clientId: "k2",
      body: "hi",
      replyTo: id,
      meta: { mood: "fine" },
    });
    await bothHear([bob, ann], "message");
    await ann.asks({ type: "edit", channel: CHANNEL, id, body: "no" }, "error");
    lines.push("# pages read back have it folded in");
    const all = { epoch: 0, seq: 0 };
    const { messages } = await ann.asks({ type: "history", channel: CHANNEL });
    const last = Array.isArray(messages) ? positionIn(messages.at(-1)) : all;
    await ann.asks({ type: "read", channel: CHANNEL, ...last });
    await ann.asks({ type: "members", channel: CHANNEL });
    return id;
  }

  async function comeBack(ann: Person, bob: Person, id: string): Promise<Person> {
    lines.push(
      "# ann's connection is lost; meanwhile bob takes his message back and says another; she resumes on the other node",
    );
    const { epoch, seq } = await ann.asks({ type: "join", channel: CHANNEL, limit: 1 });
    const after = { epoch, seq };
    ann.heardAll();
    ann.cut();
    lines.push("ann x 1006");
    await bob.asks({ type: "delete", channel: CHANNEL, id });
    await bob.hears("deleted");
    await bob.asks({ type: "send", channel: CHANNEL, clientId: "k3", body: "still here?" });
    await bob.hears("message");
    await bob.hears("persisted");
    const back = await open("ann", second, cluster.token("ann", { name: "Ann" }));
    await back.hears("welcome");
    const page = await back.asks({ type: "join", channel: CHANNEL, after, limit: 1 });
    const messages = Array.isArray(page["messages"]) ? page["messages"] : [];
    await back.asks({ type: "history", channel: CHANNEL, after: positionIn(messages.at(-1)), limit: 1 });
    lines.push("# from the very beginning, as it was announced");
    await back.asks({ type: "history", channel: CHANNEL, after: { epoch: 0, seq: 0 } });
    return back;
  }

  async function err(ann: Person): Promise<void> {
    lines.push("# what is refused, and a sign of life");
    await ann.asks({ type: "send", channel: CHANNEL, clientId: "k4" }, "error");
    await ann.asks({ type: "send", channel: CHANNEL, clientId: "k4", body: "a\u0000b" }, "error");
    await ann.asks({ type: "send", channel: "elsewhere", clientId: "k4", body: "hello" }, "error");
    await ann.asks({ type: "dance" }, "error");
    await ann.asks({ type: "ping" }, "pong");
  }

  async function goAway(ann: Person, bob: Person): Promise<void> {
    lines.push(
      "# ann renews her token; the operator's backend tells her something, makes bob a reader and takes him out",
    );
    await ann.asks({ type: "auth", token: cluster.token("ann", { name: "Ann", ttlSec: 1800 }) });
    await ask(cluster, "POST", "/v1/users/ann/notices", { body: "maintenance at noon" });
    await ann.hears("notice");
    await ask(cluster, "PUT", `/v1/channels/${CHANNEL}/members/bob`, { role: "reader" });
    await bob.hears("rights");
    await ask(cluster, "POST", `/v1/channels/${CHANNEL}/kicks/bob`, { reason: "enough" });
    await bob.hears("removed");
    await ann.hears("left");
    await ann.asks({ type: "leave", channel: CHANNEL });
    lines.push("# their node is stopped");
    cluster.kill("edge-2", "SIGTERM");
    await bothHear([ann, bob], "reconnect");
    for (const person of [ann, bob]) await person.closed();
  }

  try {
    const [ann, bob] = await comeIn();
    const id = await talk(ann, bob);
    const back = await comeBack(ann, bob, id);
    await err(back);
    await goAway(back, bob);
  } finally {
    for (const socket of opened) socket.cut();
  }
  return lines;
}

function shown(frame: object): string {
  return JSON.stringify(frame, (key, value: unknown) =>
    key === "token" && typeof value === "string" ? `${value.slice(0, TOKEN_SHOWN)}...` : value,
  );
}

function positionIn(frame: unknown): { epoch: number; seq: number } {
  const { epoch, seq } = { epoch: 0, seq: 0, ...Object(frame) };
  return { epoch: Number(epoch), seq: Number(seq) };
}

async function ask(cluster: Cluster, method: string, path: string, body: object): Promise<void> {
  const headers = { authorization: `Bearer ${cluster.ready.apiKey}`, "content-type": "application/json" };
  const answer = await fetch(`${cluster.ready.api}${path}`, { method, headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
}

const TIMES: ReadonlySet<string> = new Set(["at", "epoch", "expiresAt", "refreshAt", "editedAt", "until"]);
/** Whatever they are: how long a drain spreads its clients, and how far Postgres has come at that moment. */
const ANYTHING: ReadonlySet<string> = new Set(["afterMs", "saved"]);
const NAMES: ReadonlySet<string> = new Set(["id", "replyTo", "session", "node", "token"]);

/** The same without what differs from run to run: times by their kind, and ids by the order in which they first stand there. */
export function masked(lines: readonly string[]): string[] {
  const names = new Map<string, string>();
  const maskName = (key: string, name: string): string => {
    const known = names.get(name) ?? `${key} ${names.size + 1}`;
    names.set(name, known);
    return known;
  };
  const mask = (key: string, value: unknown): unknown => {
    if (ANYTHING.has(key)) return key;
    if (TIMES.has(key) && typeof value === "number" && value > 0) return key;
    return NAMES.has(key) && typeof value === "string" ? maskName(key, value) : value;
  };
  return lines.map((line) => {
    const [, who = "", json] = /^(\w+ [<>]) (\{.*)$/.exec(line) ?? [];
    return json === undefined ? line : `${who} ${JSON.stringify(JSON.parse(json, mask))}`;
  });
}
