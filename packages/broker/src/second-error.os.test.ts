import { once } from "node:events";
import tls from "node:tls";
import { expect, it, onTestFinished } from "vitest";
import { hearSecondErrors } from "./second-error.ts";

it("a TLS socket that says a second error, which nobody waits for any more, ends no process", async () => {
  hearSecondErrors();
  const socket = tls.connect({ host: "127.0.0.1", port: 1 });
  onTestFinished(() => void socket.destroy());
  await once(socket, "error");
  expect(socket.listenerCount("error")).toBe(1);
  expect(() => socket.emit("error", new Error("alert decode error"))).not.toThrow();
});
