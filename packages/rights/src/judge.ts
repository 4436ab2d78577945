// Who may do what, by what is known of a channel and a user. Pure: `nowMs` is on Redis' clock, by which sanctions end.
// What is hidden from somebody reads as if it was not there, by one text. Whoever is banned is told so, also of a private
// channel: the ban itself told of it, and without a word a client would ask again for ever.
import { ChatError } from "@rookery/protocol";
import type { AccessEntry, ChannelRecord, Right, Sanction } from "@rookery/protocol";
import { grantOf } from "./grant.ts";
import type { Grant } from "./grant.ts";

export const NO_ENTRY: AccessEntry = { role: null, ban: null, mute: null };

/** What the user may do there, or the refusal of everything: `not_found` (hidden), `banned` or `password_required`. */
export function standingOf(
  channel: string,
  record: ChannelRecord,
  { role, ban, mute }: AccessEntry,
  nowMs: number,
): Grant | ChatError {
  if (record.deleted) return hidden(channel);
  if (inForce(ban, nowMs)) {
    return new ChatError("banned", "you are banned from this channel", { channel, ...untilOf(ban.untilMs) });
  }
  const acting = role ?? (record.kind === "public" ? "member" : null);
  if (acting === null) {
    if (record.kind !== "password") return hidden(channel);
    return new ChatError("password_required", "join this channel with its password", { channel });
  }
  return grantOf(acting, record.version, {
    slowModeMs: record.slowModeSec * 1000,
    mutedUntilMs: inForce(mute, nowMs) ? mute.untilMs : undefined,
    // Of any other kind those who were let in are counted, when they are.
    presentCap: record.kind === "public" ? record.memberCap : null,
  });
}

/** The grant, if it gives this right; else why not. */
export function allowed(standing: Grant | ChatError, channel: string, right: Right): Grant | ChatError {
  if (standing instanceof ChatError || standing.can.includes(right)) return standing;
  const { mutedUntilMs } = standing;
  if (mutedUntilMs !== undefined && (right === "write" || right === "react")) {
    return new ChatError("muted", "you are muted in this channel", { channel, ...untilOf(mutedUntilMs) });
  }
  return new ChatError("forbidden", `your role in this channel, ${standing.role}, does not give "${right}"`, {
    channel,
  });
}

export function hidden(channel: string): ChatError {
  return new ChatError("not_found", "no such channel", { channel });
}

/** Whether there is nothing that the user may know of. */
export function isHidden(standing: Grant | ChatError): boolean {
  return standing instanceof ChatError && standing.code === "not_found";
}

function inForce(sanction: Sanction | null, nowMs: number): sanction is Sanction {
  return sanction !== null && (sanction.untilMs === null || nowMs < sanction.untilMs);
}

function untilOf(untilMs: number | null): { readonly until?: number } {
  return untilMs === null ? {} : { until: untilMs };
}
