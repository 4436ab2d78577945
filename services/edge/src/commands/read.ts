// `read`: moves how far the user has read in a channel, for all of the user's devices.

import type { ClientFrameOf } from "@rookery/protocol";
import type { Grant } from "@rookery/rights";
import type { EdgeContext } from "../context.ts";
import { lastJudgementOf } from "../control/last-judgement.ts";
import type { Session } from "../session.ts";

export async function read(
  edge: EdgeContext,
  session: Session,
  { ref, channel, epoch, seq }: ClientFrameOf<"read">,
  _grant: Grant,
): Promise<void> {
  const standing = await edge.unread.read(session, channel, { epoch, seq });
  const judge = lastJudgementOf(edge, session, channel, "read");
  for (let wait = judge(); wait !== undefined; wait = judge()) await wait;
  session.answer(ref, { channel, ...standing });
}
