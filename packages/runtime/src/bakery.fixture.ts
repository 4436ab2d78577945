// A table of settings of no product, for the tests of what reads any table: rows of every sort, and a rule of each kind.
import { listenHost, processRows } from "./process-rows.ts";
import { integer, optionalSecret, optionalText, requiredText } from "./settings-row.ts";
import type { SettingRule, SettingsTable } from "./settings-table.ts";

const BAKERY = ["bakery"] as const;
const EVERYBODY = ["bakery", "mill"] as const;
const MILL_URL = {
  pattern: "^http://[^/]",
  expected: "an http:// address",
  example: "http://mill.example",
  secrecy: "url",
  fromFile: true,
  reader: (text: string) => {
    if (!text.endsWith("/flour")) throw new Error("nothing but flour is fetched");
  },
} as const;
const DOOR_CODE = { pattern: "^\\d+$", expected: "digits", example: "1234" };

const rows = {
  ...processRows(BAKERY, EVERYBODY),
  host: listenHost("ROOKERY_HOST", "127.0.0.1", BAKERY, "where customers come in"),
  millUrl: requiredText("ROOKERY_MILL_URL", MILL_URL, BAKERY, "where flour comes from"),
  batchLoaves: integer("ROOKERY_BATCH_LOAVES", 1000, [1, 10_000], "loaves", EVERYBODY, "most loaves in one oven"),
  trayLoaves: integer("ROOKERY_TRAY_LOAVES", 20, [1, 100], "loaves", BAKERY, "most loaves on one tray"),
  doorKey: optionalSecret(
    "ROOKERY_DOOR_KEY",
    { reader: () => undefined, madeWithout: ["doorKey", "doorCode"] },
    BAKERY,
    "what opens the door",
  ),
  doorCode: optionalText("ROOKERY_DOOR_CODE", DOOR_CODE, BAKERY, "what opens it besides"),
} as const;

type Rule = SettingRule<typeof rows>;

const rules: readonly Rule[] = [
  {
    kind: "holds",
    keys: ["batchLoaves", "trayLoaves", "nodeName"],
    holds: ({ batchLoaves = 0, trayLoaves = 0 }, isProduction) => !isProduction || batchLoaves % trayLoaves === 0,
    expected: "whole trays",
  },
  {
    kind: "reads",
    keys: ["doorCode", "doorKey", "nodeName"],
    read: ({ doorCode, doorKey }) => {
      if (doorCode !== undefined && doorKey !== undefined) throw new Error("one of the two opens no door");
    },
  },
];

export const BAKERY_TABLE: SettingsTable<typeof rows> = { rows, rules, fileExample: "trayLoaves: 20" };
