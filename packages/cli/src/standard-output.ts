// Standard output of a command: lines out, what became of them, and when nobody reads any more. Made once by main.ts.
// A reader that leaves (`rookery tail lobby | head -1`) is no fault; a full disk is one, told once and at once.
// States: open, closed (the reader left), failed (a write was refused); from the last two on nothing is written.
import { fstatSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { lookAtPipe, watchReaders } from "./pipe-readers.ts";

export interface StandardOutput {
  readonly out: (line: string) => void;
  /** Resolves when nobody reads any more, or nothing more can be written. */
  readonly outClosed: () => Promise<void>;
  /** Resolves once all of `out` is written, to the reason when some could not be. */
  readonly outFlushed: () => Promise<string | undefined>;
}

const FD = 1;

/** `complain` hears of a refused write. */
export function standardOutput(complain: (line: string) => void): StandardOutput {
  let fault: string | undefined;
  let close = (): void => undefined;
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const broken = (error: Error): void => {
    const isFault = !("code" in error && error.code === "EPIPE") && fault === undefined;
    if (isFault) {
      fault = `standard output: ${error.message}`;
      complain(`rookery: ${fault}`);
    }
    close();
  };
  const sink = isWrittenAtOnce() ? fileSink(broken) : streamSink(broken);
  let isWatched = false;
  return {
    out: (line) => sink.write(`${line}\n`),
    outClosed: () => {
      if (!isWatched && isPipe()) {
        const look = lookAtPipe(FD);
        if (look !== undefined) watchReaders(look, close);
      }
      isWatched = true;
      return closed;
    },
    outFlushed: async () => {
      await sink.flushed();
      return fault;
    },
  };
}

interface Sink {
  write(text: string): void;
  flushed(): Promise<void>;
}

/** Node's own stream for files takes a write that was cut short for a whole one: a disk that fills up goes unnoticed. */
function fileSink(broken: (error: Error) => void): Sink {
  let isOver = false;
  const write = (text: string): void => {
    const bytes = Buffer.from(text);
    try {
      for (let done = 0; done < bytes.length && !isOver;) done += writeSync(FD, bytes, done);
    } catch (error) {
      isOver = true;
      broken(error instanceof Error ? error : new Error(String(error)));
    }
  };
  return { write, flushed: () => Promise.resolve() };
}

/** Pipes, sockets, terminals: their writes wait in Node while the reader is slow, so the end has to wait for them. */
function streamSink(broken: (error: Error) => void): Sink {
  const { stdout } = process;
  stdout.on("error", broken);
  return {
    write: (text) => {
      if (stdout.writable) stdout.write(text);
    },
    flushed: async () => {
      if (stdout.writable) await new Promise((resolve) => stdout.write("", resolve));
      // An error is told to the stream's listeners in a turn of its own.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function isWrittenAtOnce(): boolean {
  const kind = fstatSync(FD);
  return kind.isFile() || (kind.isCharacterDevice() && !isatty(FD));
}

function isPipe(): boolean {
  return fstatSync(FD).isFIFO();
}
