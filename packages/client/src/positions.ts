/** What following and folding a channel reckon with positions, beside how the protocol compares them. Pure. */
import { comparePositions, ORIGIN } from "@rookery/protocol/wire";
import type { Position } from "./public-types.ts";

/** Where something stands, without the rest of it. */
export const placeOf = ({ epoch, seq }: Position): Position => ({ epoch, seq });
/** The one after it, or with -1 the one before. */
export const beside = ({ epoch, seq }: Position, by: 1 | -1 = 1): Position => ({ epoch, seq: seq + by });

/** From one to the other, both included; everywhere without them. */
export const isBetween = (
  position: Position,
  from: Position = ORIGIN,
  to: Position = { epoch: Infinity, seq: 0 },
): boolean => comparePositions(position, from) >= 0 && comparePositions(position, to) <= 0;
