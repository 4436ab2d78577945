// `send`: renders the message once as two halves around its position, has the publish script number it, answers `ok`.
// The frame itself reaches the sender like everybody else, through the channel's topic.

import { composeMessage } from "@rookery/broker";
import type { Published } from "@rookery/broker";
import { ChatError } from "@rookery/protocol";
import type { ClientFrameOf } from "@rookery/protocol";
import { nanoid } from "nanoid";
import type { Grant } from "../authorise.ts";
import type { EdgeContext } from "../context.ts";
import type { Session } from "../session.ts";

export async function send(
  edge: EdgeContext,
  session: Session,
  frame: ClientFrameOf<"send">,
  grant: Grant | undefined,
): Promise<void> {
  const { channel, clientId } = frame;
  const startedMs = performance.now();
  const published = await publish(edge, session, frame, grant?.version ?? 0);
  edge.metrics.sendToOkSeconds.observe((performance.now() - startedMs) / 1000);
  edge.metrics.sends[published.duplicate ? "duplicate" : "new"].n += 1;
  const { id, position, at, duplicate } = published;
  session.answer(frame.ref, { channel, id, clientId, ...position, at, ...(duplicate ? { duplicate } : {}) });
  // After the `ok`: a client never hears that a send is saved before it hears where it stands.
  if (session.wantsPersisted(channel)) edge.persisted.track(session, channel, published);
}

/** Rights may have changed since they were read; the script says so, and they are read once more before giving up. */
async function publish(
  edge: EdgeContext,
  session: Session,
  frame: ClientFrameOf<"send">,
  rightsVersion: number,
): Promise<Published> {
  const message = composeMessage({ ...frame, id: nanoid(), user: session.user, name: session.name });
  const outcome = await edge.publisher.publish({ ...message, rightsVersion, slowModeMs: 0 });
  if (outcome.kind === "published") return outcome;
  const fresh = await edge.authorise(session, frame.channel, "write", "fresh");
  const second = await edge.publisher.publish({ ...message, rightsVersion: fresh.version, slowModeMs: 0 });
  if (second.kind === "published") return second;
  throw new ChatError("unavailable", "the channel's rights are changing", { channel: frame.channel });
}
