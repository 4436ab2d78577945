// `send`: renders the message once as two halves around its position, has the publish script number it, answers `ok`.
// The frame itself reaches the sender like everybody else, through the channel's topic. Every step here is taken for every
// message: objects are written out, since five spreads cost as much as decoding the frame.

import { composeMessage } from "@rookery/broker";
import type { Published } from "@rookery/broker";
import { encodeSent } from "@rookery/protocol";
import type { ClientFrameOf } from "@rookery/protocol";
import { rightsFence } from "@rookery/rights";
import type { Grant } from "@rookery/rights";
import { nanoid } from "nanoid";
import type { EdgeContext } from "../context.ts";
import { whenOpen } from "../control/last-judgement.ts";
import type { Session } from "../session.ts";

export function send(edge: EdgeContext, session: Session, frame: ClientFrameOf<"send">, grant: Grant): Promise<void> {
  const startedMs = performance.now();
  return publish(edge, session, frame, grant).then((published) =>
    whenOpen(edge, frame.channel, () => answer(edge, session, frame, published, startedMs)),
  );
}

function answer(
  edge: EdgeContext,
  session: Session,
  { ref, channel, clientId }: ClientFrameOf<"send">,
  published: Published,
  startedMs: number,
): void {
  edge.metrics.sendToOkSeconds.observe((performance.now() - startedMs) / 1000);
  edge.metrics.sends[published.duplicate ? "duplicate" : "new"].n += 1;
  edge.signals.typing.stop(session, channel);
  const { id, position, at, duplicate } = published;
  if (ref !== undefined) session.tell(encodeSent(ref, { channel, id, clientId, position, at, duplicate }));
  // After the `ok`: a client never hears that a send is saved before it hears where it stands.
  if (session.wantsPersisted(channel)) edge.persisted.track(session, channel, published);
}

function publish(edge: EdgeContext, session: Session, frame: ClientFrameOf<"send">, grant: Grant): Promise<Published> {
  const { channel, clientId, body, replyTo, meta } = frame;
  const { user, name } = session;
  const { contentHash, halves, id } = composeMessage({
    channel,
    id: nanoid(),
    clientId,
    user,
    name,
    body,
    replyTo,
    meta,
  });
  const { rightsVersion, freshRights } = rightsFence(edge.rights, { user, channel, right: "write" }, grant);
  return edge.publisher.publish({
    channel,
    user,
    clientId,
    id,
    contentHash,
    halves,
    rightsVersion,
    slowModeMs: grant.slowModeMs,
    freshRights,
  });
}
