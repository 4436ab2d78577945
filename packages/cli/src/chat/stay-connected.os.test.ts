// Contract of one conversation over several edges: whoever can be reached is talked to.
import { expect, it } from "vitest";
import { startFakeEdge } from "./fake-edge.suite.ts";
import { stayConnected } from "./stay-connected.ts";

/** Nobody listens there. */
const DEAD = "ws://127.0.0.1:1/ws";

function converse(urls: readonly string[]) {
  const said: string[] = [];
  const over = new AbortController();
  const ended = stayConnected({
    endpoint: { urls, token: () => Promise.resolve("t"), isRenewable: false },
    onOpen: () => over.abort(),
    onFrame: () => undefined,
    say: (line) => said.push(line),
    until: over.signal,
  });
  return { said, ended };
}

it("the next edge is asked at once when the first is not there", async () => {
  const edge = await startFakeEdge();
  const { said, ended } = converse([DEAD, edge.url]);
  await ended;
  expect(said).toEqual([expect.stringMatching(/cannot be reached: connect ECONNREFUSED.*; trying the next edge$/)]);
});

it("a conversation that finds no edge at all ends with the reason of the last", async () => {
  const { said, ended } = converse([DEAD, DEAD]);
  await expect(ended).rejects.toThrow(/cannot be reached/);
  expect(said).toHaveLength(1);
});
