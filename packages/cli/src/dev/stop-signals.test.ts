import { expect, it } from "vitest";
import { stopOrders } from "./stop-signals.ts";

const heard = (...times: readonly number[]): string => {
  let orders = "";
  const decide = stopOrders({ stop: () => (orders += "stop "), stopAtOnce: () => (orders += "at once ") });
  for (const time of times) decide("SIGINT", time);
  return orders.trim();
};

it("signals within a second of the first are one order, later ones mean at once", () => {
  expect(heard(5000)).toBe("stop");
  expect(heard(5000, 5001, 5999, 6000)).toBe("stop");
  expect(heard(5000, 6001)).toBe("stop at once");
});
