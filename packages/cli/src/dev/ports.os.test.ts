import { once } from "node:events";
import { createServer } from "node:net";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { choosePorts } from "./ports.ts";

/** A port that is taken until the end of the test, or until it is let go. */
const takenPort = async (): Promise<{ port: number; letGo: () => void }> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const address = server.address();
  return { port: typeof address === "object" ? (address?.port ?? 0) : 0, letGo: () => void server.close() };
};

describe("public ports", () => {
  it("are different free ones when 0 is asked for", async () => {
    const { edges, api } = await choosePorts(0, 3, 0);
    expect(new Set([...edges, api]).size).toBe(4);
    expect(Math.min(...edges, api)).toBeGreaterThan(1024);
  });

  it("that are taken are named with their owner and the way out", async () => {
    const { port } = await takenPort();
    await expect(choosePorts(port, 2, 0)).rejects.toThrow(`port ${port}, meant for edge-1, is taken`);
    await expect(choosePorts(port - 1, 1, 0)).rejects.toThrow(/meant for (the api|edge-1), is taken.*--port 0/);
  });

  it("are waited for as long as it takes, whatever the wall clock does meanwhile", async () => {
    const { port } = await takenPort();
    vi.useFakeTimers({ toFake: ["Date"] });
    onTestFinished(() => void vi.useRealTimers());
    await expect(choosePorts(port, 0, 50)).rejects.toThrow(/is taken/);
    const chosen = choosePorts(port, 0, 200);
    vi.setSystemTime(Date.now() + 3_600_000);
    await expect(Promise.race([chosen.catch(() => "given up"), Promise.resolve("waits")])).resolves.toBe("waits");
    await expect(chosen).rejects.toThrow(/is taken/);
  });

  it("are waited for when those who hold them are on their way out", async () => {
    const { port, letGo } = await takenPort();
    const chosen = choosePorts(port, 0, 4000);
    letGo();
    expect(await chosen).toEqual({ edges: [], api: port });
  });
});
