// Owns the question how much a Node process really holds: has its inspector collect garbage and then count. Called by
// tests that look for leaks, since a heap that is merely read shows what nobody has collected yet.
// Needs a process that was started with `--inspect-port=0`. Must never stop or pause what it looks at.
import { eventually } from "@rookery/testkit";
import { WebSocket } from "ws";

export interface Inspected {
  pid: number;
  /** What the process has written so far; the inspector names its address there. */
  log: () => Promise<string[]>;
}

const answerWithinMs = 20_000;

const addressOf = async ({ pid, log }: Inspected): Promise<string> => {
  const find = async (): Promise<string | undefined> =>
    /Debugger listening on (ws:\/\/\S+)/.exec((await log()).join("\n"))?.[1];
  const known = await find();
  if (known !== undefined) return known;
  process.kill(pid, "SIGUSR1");
  return eventually(async () => (await find()) ?? false, { what: `the inspector of process ${pid}` });
};

/** One command of the DevTools protocol and its result. */
const ask = (socket: WebSocket, id: number, method: string): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer to ${method}`)), answerWithinMs);
    const look = (data: unknown): void => {
      const answer: unknown = JSON.parse(String(data));
      if (typeof answer !== "object" || answer === null || !("id" in answer) || answer.id !== id) return;
      clearTimeout(timer);
      socket.off("message", look);
      resolve("result" in answer ? answer.result : undefined);
    };
    socket.on("message", look);
    socket.send(JSON.stringify({ id, method }));
  });

/** Bytes of the objects that are reachable, after a full collection. */
export const liveHeapBytes = async (inspected: Inspected): Promise<number> => {
  const socket = new WebSocket(await addressOf(inspected));
  try {
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    // The second collection takes what the first one only made unreachable, such as finalised handles.
    await ask(socket, 1, "HeapProfiler.collectGarbage");
    await ask(socket, 2, "HeapProfiler.collectGarbage");
    const usage = await ask(socket, 3, "Runtime.getHeapUsage");
    if (typeof usage !== "object" || usage === null || !("usedSize" in usage)) throw new Error("no heap usage");
    return Number(usage.usedSize);
  } finally {
    socket.terminate();
  }
};
