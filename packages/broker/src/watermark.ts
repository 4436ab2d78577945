// How far a partition's outbox is saved in Postgres, as Redis keeps it and tells it on the control topic and to pulses.
// Written by save.lua; read by topics and pulse. Pure.
import { parseEntryId } from "./entry-id.ts";
import type { EntryId } from "./entry-id.ts";

export interface Watermark {
  /** Every entry up to here is saved. */
  readonly upTo: EntryId;
  /**
   * Changes whenever some of them did not become rows of their own, but dead letters or quarantined. Then only Postgres
   * can say which.
   */
  readonly unstored: number;
}

const ANNOUNCEMENT = /^\{"stored":"(\d+-\d+)","unstored":(\d{1,15})\}$/;

/** `{"stored":"<epoch>-<number>","unstored":<count>}`. Undefined for anything else, which is somebody else's. */
export function parseAnnouncement(text: string): Watermark | undefined {
  const [, stored = "", unstored = ""] = ANNOUNCEMENT.exec(text) ?? [];
  return toWatermark(stored, unstored);
}

/** Of the two fields of the partition's hash; undefined before anything was saved. */
export function toWatermark(stored: string, unstored: string): Watermark | undefined {
  const upTo = parseEntryId(stored);
  return upTo === undefined || upTo.epoch === 0 ? undefined : { upTo, unstored: Number(unstored) };
}
