// Every verdict about a machine, from a look at one that is well and is then spoiled at one spot; and how its tables are read.
import { describe, expect, it } from "vitest";
import type { Verdict } from "./check.ts";
import { judgeMachine } from "./judge-machine.ts";
import type { MachineLook, PortLook } from "./judge-machine.ts";
import { fileLimits, listeningInodes } from "./machine-look.ts";

const MIB = 1024 ** 2;
const PORT: PortLook = {
  ...{ setting: "ROOKERY_PORT", host: "127.0.0.1", port: 8080, fault: undefined, holder: undefined },
};
const WELL: MachineLook = {
  ...{ ports: [PORT], files: { soft: 1_024, hard: 65_536 }, socketWriteBytes: 262_144, backlog: 4_096 },
  ...{ memoryBytes: 4_096 * MIB, freeDiskBytes: 9_000 * MIB },
};
const EDGE = { maxConnections: 25_000, memorySettingBytes: 0, bufferBudgetBytes: 256 * MIB };
const API = { maxConnections: undefined, memorySettingBytes: undefined, bufferBudgetBytes: undefined };
const files = (most: number): MachineLook => ({ ...WELL, files: { soft: most, hard: most } });
const taken = (command?: string): MachineLook => {
  const holder = command === undefined ? undefined : { pid: 42, command };
  return {
    ...WELL,
    ports: [
      { ...PORT, port: 9 },
      { ...PORT, fault: "the port is taken", holder },
    ],
  };
};

/** `needs`: of an edge unless given. */
type Facts = MachineLook & { readonly needs?: typeof EDGE | typeof API };

type Row = readonly [check: string, verdict: Verdict, found: RegExp, facts: Facts];

// prettier-ignore
const ROWS: readonly Row[] = [
  ["ports", "ok", /^127\.0\.0\.1:8080 is free$/, WELL],
  ["ports", "ok", /takes a free one/, { ...WELL, ports: [{ ...PORT, port: 0 }] }],
  ["ports", "warning", /held by process 42/, taken("/usr/bin/node /srv/services/edge/dist/main.js")],
  ["ports", "trouble", /the port is taken by process 42 \(nginx\)$/, taken("nginx")],
  ["ports", "trouble", /the port is taken$/, taken()],
  ["open files", "ok", /65536 files may be open, and 50256 are needed/, WELL],
  ["open files", "warning", /40000 files/, files(40_000)],
  ["open files", "trouble", /room for 0 of 25000 connections/, files(256)],
  ["open files", "warning", /256 files may be open, and 1024 are wanted/, { ...files(256), needs: API }],
  ["open files", "ok", /and 1024 are needed/, { ...files(1_024), needs: API }],
  ["open files", "warning", /cannot be seen/, { ...WELL, files: undefined }],
  ["socket buffers", "ok", /256 KiB/, WELL],
  ["socket buffers", "warning", /4 MiB/, { ...WELL, socketWriteBytes: 4 * MIB }],
  ["listen backlog", "ok", /4096/, WELL],
  ["listen backlog", "warning", /128/, { ...WELL, backlog: 128 }],
  ["memory", "ok", /4 GiB for the edge/, WELL],
  ["memory", "warning", /384 MiB for the edge/, { ...WELL, memoryBytes: 384 * MIB }],
  ["memory", "warning", /ROOKERY_MEMORY_BYTES is 8 GiB, and there are 4 GiB/, { ...WELL, needs: { ...EDGE, memorySettingBytes: 8_192 * MIB } }],
  ["disk", "ok", /8\.8 GiB/, WELL],
  ["disk", "warning", /100 MiB/, { ...WELL, freeDiskBytes: 100 * MIB }],
];

describe("a look at a machine", () => {
  it.each(ROWS)("%s: %s where it is found that %s", (check, verdict, found, { needs = EDGE, ...look }) => {
    const finding = judgeMachine(look, needs).find(({ name }) => name === check);
    expect(finding).toMatchObject({ verdict, found: expect.stringMatching(found) as unknown });
    expect(finding?.fix === undefined).toBe(verdict === "ok");
  });

  it("says nothing of what its system does not tell, or this process does not ask for", () => {
    const silent = { ...WELL, ports: [], socketWriteBytes: undefined, backlog: undefined, freeDiskBytes: undefined };
    expect(judgeMachine(silent, API).map(({ name }) => name)).toEqual(["open files"]);
  });
});

describe("the tables of the system", () => {
  it("tell the limits of open files", () => {
    expect(
      fileLimits("Max cpu time  unlimited unlimited seconds\nMax open files            1024       unlimited  files\n"),
    ).toEqual({
      soft: 1_024,
      hard: Infinity,
    });
    expect(fileLimits("")).toBeUndefined();
  });

  it("tell who listens on a port, and not who is connected to it", () => {
    const rows = [
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
      "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0",
      "   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0",
      "   2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0",
    ];
    expect(listeningInodes(rows.join("\n"), 8_080)).toEqual(["111"]);
  });
});
