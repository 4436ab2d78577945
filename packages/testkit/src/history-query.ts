// What a `history` command may ask for. Types only.
import type { Position } from "./client-frame.ts";

export interface HistoryQuery {
  before?: Position;
  after?: Position;
  limit?: number;
  replyTo?: string;
}
