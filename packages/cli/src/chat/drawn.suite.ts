// What stands on a terminal after everything that was written to it, as far as `chat` writes: whole lines, each at its row.
// Only tests use it.

const LINE = new RegExp(String.raw`\u001b\[(\d+);1H\u001b\[\dm(.*?)\u001b\[0m\u001b\[K`, "gs");

export interface Drawn {
  write(text: string): void;
  /** By row, without the blanks at their ends. */
  lines(): string[];
}

export function createDrawn(): Drawn {
  const rows = new Map<number, string>();
  return {
    write(text) {
      for (const [, row, line = ""] of text.matchAll(LINE)) rows.set(Number(row), line.trimEnd());
    },
    lines: () => [...rows].toSorted(([a], [b]) => a - b).map(([, line]) => line),
  };
}
