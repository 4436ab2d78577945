// An api for tests of single commands: keeps what it was asked and answers as the test says. Never part of the product.
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { onTestFinished } from "vitest";
import { main } from "../main.ts";

export interface Asked {
  /** Verb and path with its query. */
  readonly line: string;
  readonly body: unknown;
  readonly authorization: string | undefined;
}

export interface FakeApi {
  readonly url: string;
  readonly asked: readonly Asked[];
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is where it is text. */
  readonly body: unknown;
}

export async function startFakeApi(answer: (line: string) => Answer): Promise<FakeApi> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    void read(request).then((text) => {
      const line = `${request.method ?? ""} ${request.url ?? ""}`;
      const body: unknown = text === "" ? undefined : JSON.parse(text);
      asked.push({ line, body, authorization: request.headers.authorization });
      const { status = 200, headers = {}, body: content } = answer(line);
      response.writeHead(status, headers).end(typeof content === "string" ? content : JSON.stringify(content));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  const address = server.address();
  return { url: `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`, asked };
}

async function read(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) if (part instanceof Buffer) parts.push(part);
  return Buffer.concat(parts).toString("utf8");
}

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

interface World {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What stands in standard input. */
  readonly input?: string;
}

/** One command line without a process. */
export async function runCommand(
  argv: readonly string[],
  { env = {}, cwd = "/nowhere", input = "" }: World = {},
): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  const code = await main(argv, {
    out: (line: string) => out.push(line),
    err: (line: string) => err.push(line),
    outClosed: () => new Promise<void>(() => undefined),
    outFlushed: () => Promise.resolve(undefined),
    entry: () => ({ input: Readable.from([input]), screen: undefined }),
    cwd,
    env,
  });
  return { code, out: out.join("\n"), err: err.join("\n") };
}
