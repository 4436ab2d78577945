// Three people with this package on two nodes behind lines that are cut, refused and robbed of answers, while the nodes are
// killed and drained: the testkit's checker judges what each was told, and in the end all of them show what Postgres has.
import { checkHistories, createHistory, eventually, startCluster, startProxy, viewOf } from "@rookery/testkit";
import type { Cluster, Proxy, Row } from "@rookery/testkit";
import { assert, asyncModelRun, asyncProperty, commands, constantFrom, integer } from "fast-check";
import type { AsyncCommand } from "fast-check";
import { beforeAll, expect, it, onTestFinished } from "vitest";
import WebSocket from "ws";
import { connect, RookeryError } from "./index.ts";
import type { Channel, Client } from "./index.ts";

const EDGES = [0, 1] as const;
const USERS = ["ann", "bob", "cat"] as const;
const RUNS = 3;
const ORIGIN = { epoch: 0, seq: 0 };
/** After the last fault: reconnects wait up to 20 s, a node that was killed comes back within as many. */
const QUIET_WITHIN_MS = 60_000;

interface Person {
  readonly client: Client;
  readonly channel: Channel;
  readonly history: ReturnType<typeof createHistory>;
  /** What was asked for and has not been settled. */
  readonly asked: Promise<unknown>[];
  /** Of this person's messages that stand. */
  readonly ids: string[];
}

interface Scene {
  readonly people: readonly Person[];
  readonly name: string;
}

/** A node that is ended again and again comes back later each time: it is not what this is about. */
const MOST_ENDS = 2;

interface Model {
  ends: number;
}
type Command = AsyncCommand<Model, Scene>;

let cluster: Cluster;
const proxies: Proxy[] = [];
/** Each ends when the node is back. */
const returns = new Map<string, Promise<unknown>>();
let channels = 0;

beforeAll(async () => {
  cluster = await startCluster({ edges: EDGES.length, restart: true });
  for (const url of cluster.ready.ws) proxies.push(await startProxy({ target: url }));
});

function meet(user: string, n: number, name: string): Person {
  const urls = proxies.map((proxy) => proxy.url());
  const first = n % urls.length;
  const client = connect({
    urls: [...urls.slice(first), ...urls.slice(0, first)],
    token: () => cluster.token(user),
    WebSocket,
  });
  const channel = client.channel(name, { after: ORIGIN });
  const history = createHistory({ client: `${user} in ${name}`, user });
  const where = { session: 1, channel: name };
  history.add({ kind: "start", ...where, head: ORIGIN, after: ORIGIN, recovered: true });
  channel.on("event", (item) => {
    if (item.type === "gap") history.add({ kind: "gap", ...where, from: item.from, to: item.to, lost: item.lost });
    else history.add({ kind: "frame", ...where, via: "live", ...item });
  });
  return { client, channel, history, asked: [], ids: [] };
}

function say({ channel, history, asked, ids }: Person, body: string): void {
  const sent = channel.send(body);
  const { clientId } = sent;
  const where = { session: 1, channel: channel.id, clientId };
  history.add({ kind: "send", ...where, body });
  const told = sent.then(
    ({ id, epoch, seq }) => {
      ids.push(id);
      history.add({ kind: "ok", channel: channel.id, clientId, id, epoch, seq });
    },
    (error: unknown) => {
      const code = error instanceof RookeryError ? error.code : String(error);
      const outcome = { channel: channel.id, clientId };
      history.add(code === "unknown" ? { kind: "unknown", ...outcome } : { kind: "refused", ...outcome, code });
    },
  );
  asked.push(
    told,
    sent.persisted.catch(() => undefined),
  );
}

/** Of one's own newest message; refused where it is deleted already. */
function change(person: Person, how: (channel: Channel, id: string) => Promise<unknown>): void {
  const id = person.ids.at(-1);
  if (id !== undefined) person.asked.push(how(person.channel, id).catch(() => undefined));
}

/** Whoever is away is answered by nobody, and may stay away until the lines are let in at the end. */
async function answeredOrAway({ asked, channel }: Person): Promise<void> {
  let isAnswered = false;
  void Promise.all(asked).then(() => (isAnswered = true));
  const isSo = (): boolean => isAnswered || channel.state().phase !== "live";
  await eventually(isSo, { withinMs: QUIET_WITHIN_MS, what: "an answer to all that was asked" });
}

async function end(edge: number, signal: NodeJS.Signals): Promise<void> {
  const name = `edge-${edge + 1}`;
  await returns.get(name);
  cluster.kill(name, signal);
  returns.set(name, cluster.restarted(name, QUIET_WITHIN_MS));
}

const command = (name: string, act: (scene: Scene) => unknown): Command => ({
  check: () => true,
  toString: () => name,
  async run(_, scene) {
    await act(scene);
    // Whatever is due by now has its turn, so that faults fall into the middle of things.
    await new Promise((resolve) => setImmediate(resolve));
  },
});
const ofUser = (name: string, act: (person: Person, scene: Scene) => unknown) =>
  integer({ min: 0, max: USERS.length - 1 }).map((n) =>
    command(`${name} of ${USERS[n]}`, (scene) => {
      const person = scene.people[n];
      return person && act(person, scene);
    }),
  );
const ofLine = (name: string, act: (proxy: Proxy) => unknown) =>
  constantFrom(...EDGES).map((edge) =>
    command(`${name} ${edge}`, () => {
      const proxy = proxies[edge];
      return proxy && act(proxy);
    }),
  );

const ending = (name: string, signal: NodeJS.Signals) =>
  constantFrom(...EDGES).map((edge): Command => {
    const ended = command(`${name} ${edge}`, () => end(edge, signal));
    return {
      ...ended,
      check: ({ ends }) => ends < MOST_ENDS,
      run(model, scene) {
        model.ends += 1;
        return ended.run(model, scene);
      },
    };
  });

let bodies = 0;
const COMMANDS = [
  ofUser("send", (person) => say(person, `body ${(bodies += 1)}`)),
  ofUser("five sends", (person) => [1, 2, 3, 4, 5].forEach(() => say(person, `body ${(bodies += 1)}`))),
  ofUser("edit", (person) => change(person, (channel, id) => channel.edit(id, `edited ${(bodies += 1)}`))),
  ofUser("react", (person) => change(person, (channel, id) => channel.react(id, "👍"))),
  ofUser("delete", (person) => change(person, (channel, id) => channel.delete(id))),
  ofUser("answered", answeredOrAway),
  ofLine("cut", (proxy) => proxy.cut()),
  ofLine("lose a reply", (proxy) => void proxy.loseNextReply().catch(() => undefined)),
  ofLine("refuse", (proxy) => proxy.refuse(true)),
  ofLine("let in", (proxy) => proxy.refuse(false)),
  ending("kill", "SIGKILL"),
  ending("drain", "SIGTERM"),
];

/** What one sees of each message: as the rows say, and as a client shows it. */
const shownBy = ({ channel }: Person): unknown[] =>
  channel.state().messages.map(({ id, body, deleted, reactions = [] }) => {
    return [id, deleted === true ? "deleted" : body, reactions.map(({ emoji, count }) => [emoji, count])];
  });
const shownByRows = (rows: readonly Row[]): unknown[] => {
  const frames = rows.map(({ author, type = "message", body, ...row }) => {
    return { ...row, type, user: author, at: 0, ...(typeof body === "string" && { body }) };
  });
  return [...viewOf(frames)].map(([id, { body, isDeleted, reactions }]) => {
    return [id, isDeleted ? "deleted" : body, [...reactions].map(([emoji, who]) => [emoji, who.size])];
  });
};

it("three clients lose nothing, double nothing and end with the same, whatever happens to their lines and nodes", async () => {
  await assert(
    asyncProperty(commands(COMMANDS, { maxCommands: 60, size: "max" }), async (run) => {
      const name = `model-${(channels += 1)}`;
      const people = USERS.map((user, n) => meet(user, n, name));
      const close = (): void => people.forEach(({ client }) => client.close());
      onTestFinished(close);
      const soon = AbortSignal.timeout(20_000);
      await Promise.all(people.map(({ channel }) => channel.ready({ signal: soon })));
      await asyncModelRun(() => ({ model: { ends: 0 }, real: { people, name } }), run);
      for (const proxy of proxies) proxy.refuse(false);
      await Promise.all(returns.values());
      const [ann] = people;
      if (ann !== undefined) say(ann, "the last word");
      await eventually(
        async () => {
          const asked = people.flatMap((each) => each.asked);
          const settled = await Promise.race([Promise.all(asked), new Promise((go) => setTimeout(go, 50, "not yet"))]);
          return settled !== "not yet";
        },
        { withinMs: QUIET_WITHIN_MS, what: "an end of everything that was asked for" },
      );
      const rows = await eventually(
        async () => {
          const found = await cluster.rows(name);
          const last = found.at(-1);
          return last !== undefined && people.every(({ channel }) => channel.state().phase === "live") && found;
        },
        { withinMs: QUIET_WITHIN_MS, what: "three clients that are caught up" },
      );
      const expected = shownByRows(rows);
      // Where it does not come to that, the lines below show what it came to.
      await eventually(() => people.every((each) => JSON.stringify(shownBy(each)) === JSON.stringify(expected)), {
        what: "the same at everybody",
      }).catch(() => undefined);
      for (const each of people) expect(shownBy(each)).toEqual(expected);
      expect(checkHistories({ clients: people.map(({ history }) => history), rows })).toEqual([]);
      for (const { channel } of people) expect(channel.state().pending).toEqual([]);
      close();
    }),
    { numRuns: RUNS, endOnFailure: true, interruptAfterTimeLimit: 60_000 },
  );
  // The run was about something: faults and messages.
  expect(bodies).toBeGreaterThan(10);
}, 150_000);
