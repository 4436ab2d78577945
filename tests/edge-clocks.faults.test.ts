// An edge among clocks that jump and a machine that stands still: what it closes, and whom it leaves alone.
import { createMinter } from "@rookery/auth";
import { eventually, testPostgres } from "@rookery/testkit";
import { expect, it, onTestFinished } from "vitest";
import { startEdge } from "./edge-process.ts";
import { openRaw, openWelcomed } from "./raw-socket.ts";
import type { RawOptions, RawSocket } from "./raw-socket.ts";

const { url: postgresUrl } = await testPostgres();
const SECRET = "a secret of this test alone, of 32 bytes";
const IDLE_MS = 2000;
const STEPS_MS = [120_000, -3_600_000];

/** Runs before the edge: at each signal its wall clock is off by the next step. */
const STEPPED_CLOCK = `
  const steps = ${JSON.stringify(STEPS_MS)};
  const now = Date.now;
  let offMs = 0;
  Date.now = () => now() + offMs;
  process.on("SIGUSR2", () => void (offMs = steps.shift() ?? offMs));
`;

const { mint } = createMinter({ secret: SECRET, issuer: "rookery", audience: "rookery" });
const tokenOf = async (user: string): Promise<string> => (await mint({ user, ttlSec: 7200 })).token;

/** Without a Redis: silence, pings and authentication are an edge's own. */
const startLonely = () =>
  startEdge({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(STEPPED_CLOCK)}`,
    ROOKERY_REDIS_URL: "redis://127.0.0.1:1",
    ROOKERY_POSTGRES_URL: postgresUrl,
    ROOKERY_JWT_SECRET: SECRET,
    ROOKERY_HEARTBEAT_MS: "500",
    ROOKERY_IDLE_MS: String(IDLE_MS),
    ROOKERY_AUTH_TIMEOUT_MS: "1500",
  });

const given = (socket: RawSocket): RawSocket => {
  onTestFinished(() => socket.cut());
  return socket;
};

/** By how much the edge's wall clock is off, as its pong tells. */
const offMs = async (socket: RawSocket, ref: string): Promise<number> => {
  socket.send(JSON.stringify({ type: "ping", ref }));
  const { at } = await socket.waitFor((frame) => frame.type === "pong" && frame.ref === ref);
  return Number(at) - Date.now();
};

it("an edge keeps whom it hears and closes whom it does not, when its wall clock jumps and when it stood still", async () => {
  const edge = await startLonely();
  const welcomed = async (user: string, options?: RawOptions): Promise<RawSocket> =>
    given(await openWelcomed(edge.ws, await tokenOf(user), options));
  /** A signal arrives when it likes: asked until the clock has jumped. */
  const step = async (socket: RawSocket, toMs: number): Promise<void> => {
    edge.signal("SIGUSR2");
    let asked = 0;
    await eventually(async () => Math.abs((await offMs(socket, `step-${toMs}-${(asked += 1)}`)) - toMs) < 60_000);
  };
  const quiet = await welcomed("quiet");
  const [forward = 0, back = 0] = STEPS_MS;

  // Two minutes on: nobody has been silent for longer than before.
  const unknown = given(await openRaw(edge.ws));
  await step(quiet, forward);
  expect(await unknown.closed).toEqual({ code: 4408, reason: "auth_timeout" });
  expect(Math.abs((await offMs(quiet, "forward")) - forward)).toBeLessThan(60_000);

  // An hour back: silence is silence all the same, and pings keep those open who answer them.
  const [silent, late] = await Promise.all([welcomed("silent", { answersPings: false }), openRaw(edge.ws).then(given)]);
  await step(quiet, back);
  expect(await silent.closed).toEqual({ code: 4002, reason: "idle" });
  expect(await late.closed).toEqual({ code: 4408, reason: "auth_timeout" });
  expect(Math.abs((await offMs(quiet, "back")) - back)).toBeLessThan(60_000);

  // Stopped for longer than it waits for anybody: what lay in the sockets is read before anybody is judged.
  const waiting = given(await openRaw(edge.ws));
  edge.signal("SIGSTOP");
  waiting.send(JSON.stringify({ type: "auth", token: await tokenOfThePast("waiting") }));
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS * 1.5));
  edge.signal("SIGCONT");
  expect(await waiting.waitFor(({ type }) => type === "welcome")).toMatchObject({ user: "waiting" });
  expect(Math.abs((await offMs(quiet, "stopped")) - back)).toBeLessThan(60_000);
});

/** Issued before the hour that the edge's clock went back. */
async function tokenOfThePast(user: string): Promise<string> {
  const past = createMinter({
    secret: SECRET,
    issuer: "rookery",
    audience: "rookery",
    nowMs: () => Date.now() - 7_200_000,
  });
  return (await past.mint({ user, ttlSec: 14_400 })).token;
}
