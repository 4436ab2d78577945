// When a pipe counts as left by everybody, without a pipe: what the system tells is played.
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { watchReaders } from "./pipe-readers.ts";
import type { Look, Reader } from "./pipe-readers.ts";

type Holding = ReturnType<Look["holds"]>;
type Found = ReturnType<Look["seek"]>;

const head: Reader = { pid: "7", fd: "0" };

/** What is found whenever all processes are looked through, and what each look at the found one tells. */
const watched = (found: readonly Found[], holding: readonly Holding[]) => {
  const finds = [...found];
  const holds = [...holding];
  const seek = vi.fn<Look["seek"]>(() => finds.shift() ?? "none");
  const gone = vi.fn<() => void>();
  const end = watchReaders({ seek, holds: () => holds.shift() ?? "yes" }, gone);
  vi.advanceTimersByTime(10_000);
  end();
  return { seeks: seek.mock.calls.length, gone: gone.mock.calls.length };
};

describe("the readers of a pipe", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("are sought before anything else: a fast one has gone a moment later, and must have been seen", () => {
    const seek = vi.fn<Look["seek"]>(() => head);
    watchReaders({ seek, holds: () => "yes" }, () => undefined)();
    expect(seek).toHaveBeenCalledTimes(1);
  });

  it("are sought once while one of them stays", () => {
    expect(watched([head], [])).toEqual({ seeks: 1, gone: 0 });
  });

  it("have gone when the last of them has, told once", () => {
    expect(watched([head, { pid: "8", fd: "3" }, "none"], ["yes", "no", "yes", "no"])).toEqual({ seeks: 3, gone: 1 });
    expect(watched(["none"], [])).toEqual({ seeks: 1, gone: 1 });
  });

  it("are not taken for gone where nobody may look, neither at first nor once one has changed its user", () => {
    expect(watched(["unknown"], [])).toEqual({ seeks: 1, gone: 0 });
    expect(watched([head], ["yes", "unknown"])).toEqual({ seeks: 1, gone: 0 });
  });

  it("have gone when the known one has, whatever else runs under other users", () => {
    expect(watched([head, "unknown"], ["no"])).toEqual({ seeks: 2, gone: 1 });
  });
});
