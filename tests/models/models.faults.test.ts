// The models of models.test.ts within the widest bounds that take seconds.
import { expect, it } from "vitest";
import { explore } from "./explore.ts";
import { fenceModel } from "./fence-model.ts";
import { outboxModel } from "./outbox-model.ts";
import { relayModel } from "./relay-model.ts";

const MOST_STATES = 1_000_000;

it.each([
  ["the fence of epochs, with four messages and three faults", () => explore(fenceModel(4, 3), MOST_STATES)],
  ["the outbox, with four entries and three faults", () => explore(outboxModel(4, 3), MOST_STATES)],
  [
    "the relay, with three messages, a failover and two looks at its head",
    () => explore(relayModel({ messages: 3, failovers: 1, heads: 2 }), MOST_STATES),
  ],
])("nothing is wrong in any schedule of %s", (_, explored) => {
  const { wrong, schedule, states } = explored();
  expect({ wrong, schedule }).toEqual({});
  expect(states).toBeGreaterThan(50_000);
});
