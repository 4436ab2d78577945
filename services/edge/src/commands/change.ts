// `edit`, `delete` and `react`: what is asked of a message that stands. Redis judges it by what is so when it numbers the
// change; the frame itself reaches everybody, the sender too, through the channel's topic.

import type { Changed } from "@rookery/broker";
import type { ClientFrameOf } from "@rookery/protocol";
import { rightsFence } from "@rookery/rights";
import type { Grant } from "@rookery/rights";
import type { EdgeContext } from "../context.ts";
import { whenOpen } from "../control/last-judgement.ts";
import type { Session } from "../session.ts";

type ChangeFrame = ClientFrameOf<"edit" | "delete" | "react">;

export function edit(edge: EdgeContext, session: Session, frame: ClientFrameOf<"edit">, grant: Grant): Promise<void> {
  const changing = edge.changes.edit({ ...asked(edge, session, frame, grant, "write"), body: frame.body });
  return changing.then((changed) => answer(edge, session, frame, changed));
}

/** `delete` is a word of the language. */
export function remove(
  edge: EdgeContext,
  session: Session,
  frame: ClientFrameOf<"delete">,
  grant: Grant,
): Promise<void> {
  const moderates = grant.can.includes("moderate");
  // What is judged again, where rights change meanwhile, is what is relied upon.
  const changing = edge.changes.delete({
    ...asked(edge, session, frame, grant, moderates ? "moderate" : "write"),
    moderates,
  });
  return changing.then((changed) => answer(edge, session, frame, changed));
}

export function react(edge: EdgeContext, session: Session, frame: ClientFrameOf<"react">, grant: Grant): Promise<void> {
  const { emoji, on } = frame;
  const changing = edge.changes.react({ ...asked(edge, session, frame, grant, "react"), emoji, on });
  return changing.then((changed) => answer(edge, session, frame, changed));
}

function asked(
  { rights }: EdgeContext,
  { user }: Session,
  { channel, id }: ChangeFrame,
  grant: Grant,
  right: "write" | "react" | "moderate",
) {
  return { channel, id, user, ...rightsFence(rights, { user, channel, right }, grant) };
}

function answer(
  edge: EdgeContext,
  session: Session,
  { ref, channel, id }: ChangeFrame,
  { position }: Changed,
): Promise<void> | undefined {
  const { epoch, seq } = position;
  return whenOpen(edge, channel, () => session.answer(ref, { channel, id, epoch, seq }));
}
