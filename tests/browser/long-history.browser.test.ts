// Ten thousand messages, scrolled from the newest to the oldest and back: how many nodes that takes, whether each message comes
// by in its order, and how long the page's thread is busy at a stretch. Time is that of the thread itself, as the browser's own
// trace has it: what others do on this machine meanwhile is not counted.
import { newClientId } from "@rookery/testkit";
import { beforeAll, describe, expect, it } from "vitest";
import { longestTasks } from "./long-tasks.ts";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

const MESSAGES = 10_000;
const MOST_NODES = 200;
const MOST_BUSY_MS = 50;
const WRITERS = 10;
const UNLIMITED = Object.fromEntries(
  [
    ...["ROOKERY_SENDS_PER_SEC", "ROOKERY_SEND_BURST", "ROOKERY_COMMANDS_PER_SEC", "ROOKERY_COMMAND_BURST"],
    ...["ROOKERY_USER_SENDS_PER_SEC", "ROOKERY_ADDRESS_SENDS_PER_SEC", "ROOKERY_CHANNEL_SENDS_PER_SEC"],
  ].map((name) => [name, "100000"]),
);

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ set: UNLIMITED });
  await stage.backend.channel("annals", { owner: "ann" });
  await Promise.all(Array.from({ length: WRITERS }, (_, writer) => writeMany(writer)));
});

async function writeMany(writer: number): Promise<void> {
  const client = await stage.cluster.client(`writer-${writer}`, { edge: writer % 2 });
  await client.join("annals");
  for (let n = 0; n < MESSAGES / WRITERS; n += 1) {
    const words = "of long ago ".repeat((n * 7 + writer) % 12);
    const answer = await client.request({
      type: "send",
      channel: "annals",
      clientId: newClientId(),
      body: `${writer}/${n} ${words}`,
    });
    expect(answer).toMatchObject({ type: "ok" });
  }
  await client.close();
}

describe("ten thousand messages", () => {
  it("all come by in order, up and down, in at most 200 nodes at a time, and no task takes 50 ms", async () => {
    const ann = await stage.visit("ann", { at: "annals" });
    await ann.message("999").first().waitFor();
    const walk = (direction: -1 | 1): Promise<Walk> => ann.log.evaluate(walkInPage, direction);
    const { result, tasks } = await longestTasks(ann.page, async () => [await walk(-1), await walk(1)]);
    const [longest] = tasks;
    const figures = `${Math.max(...result.map(({ mostNodes }) => mostNodes))} nodes at most, the longest task ${told(longest?.busyMs)} of the thread, ${told(longest?.tookMs)} by the clock`;
    process.stdout.write(`${MESSAGES} messages scrolled up and down: ${figures}\n`);
    const all = Array.from({ length: MESSAGES }, (_, n) => n + 1);
    for (const { seqs } of result) expect(seqs).toEqual(all);
    for (const { mostNodes } of result) expect(mostNodes).toBeLessThanOrEqual(MOST_NODES);
    expect(result.map(({ disorders }) => disorders)).toEqual([0, 0]);
    expect(tasks.filter(({ busyMs }) => busyMs > MOST_BUSY_MS)).toEqual([]);
    const slow = await longestTasks(ann.page, () => ann.page.evaluate(beBusy, MOST_BUSY_MS * 6));
    expect(slow.tasks[0]?.busyMs, "a task that does take longer").toBeGreaterThan(MOST_BUSY_MS);
  }, 240_000);
});

function beBusy(forMs: number): void {
  const untilMs = performance.now() + forMs;
  while (performance.now() < untilMs);
}

const told = (ms = Number.NaN): string => `${ms.toFixed(1)} ms`;

interface Walk {
  /** Of all that stood in the document at some time, ascending. */
  readonly seqs: readonly number[];
  readonly mostNodes: number;
  /** How often messages stood in the document in another order than their own. */
  readonly disorders: number;
}

/** In the page: by most of what is drawn at a time, to where nothing new comes any more. */
async function walkInPage(log: Element, direction: number): Promise<Walk> {
  const MOST_IDLE_STEPS = 300;
  const seqs = new Set<number>();
  let [mostNodes, disorders, idleSteps] = [0, 0, 0];
  while (idleSteps < MOST_IDLE_STEPS) {
    const shown = [...log.querySelectorAll("[data-message]")].map((each) => Number(each.getAttribute("data-seq")));
    const before = seqs.size;
    for (const seq of shown) seqs.add(seq);
    mostNodes = Math.max(mostNodes, shown.length);
    if (shown.some((seq, n) => n > 0 && seq <= (shown[n - 1] ?? 0))) disorders += 1;
    const isOver = direction < 0 ? seqs.has(1) : log.scrollTop + log.clientHeight >= log.scrollHeight - 1;
    idleSteps = seqs.size > before ? 0 : idleSteps + (isOver ? MOST_IDLE_STEPS : 1);
    log.scrollTop += direction * log.clientHeight * 1.5;
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  }
  return { seqs: [...seqs].toSorted((one, other) => one - other), mostNodes, disorders };
}
