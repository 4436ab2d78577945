// A raised prev as the functions that commit a batch answer it. Pure.
import type { RaisedPrev } from "./batch.ts";

export interface RaisedRow {
  readonly channel: string;
  readonly epoch: number;
  readonly seq: number;
  readonly prevEpoch: number;
  readonly prevSeq: number;
}

export function toRaised({ channel, epoch, seq, prevEpoch, prevSeq }: RaisedRow): RaisedPrev {
  return { channel, position: { epoch, seq }, prev: { epoch: prevEpoch, seq: prevSeq } };
}
