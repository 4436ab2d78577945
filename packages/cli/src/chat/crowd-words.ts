// What `chat` says of who comes and goes, in one line each. Pure.
import type { JoinedFrame, LeftFrame, Mode, PresenceFrame } from "@rookery/protocol";
import { speaker } from "./visible-text.ts";

export type CrowdFrame = JoinedFrame | LeftFrame | PresenceFrame;

export interface Crowd {
  readonly online: number;
  readonly mode: Mode;
}

const MODE_WORDS: Readonly<Record<Mode, string>> = {
  full: "everybody who comes and goes is told",
  digest: "who comes and goes is told together, once a second",
  count: "only how many are here is told",
};

export function crowdAfter(frame: CrowdFrame, before: Crowd | undefined): Crowd {
  return { online: frame.online, mode: frame.type === "presence" ? frame.mode : (before?.mode ?? "full") };
}

/** Undefined where only the number has changed. */
export function crowdWords(frame: CrowdFrame, before: Crowd | undefined): string | undefined {
  if (frame.type !== "presence") return `${speaker(frame.user, frame.name)} ${frame.type} (${frame.online} here)`;
  const { joined = [], left = [], online, mode } = frame;
  const parts = [
    ...(joined.length === 0 ? [] : [`${names(joined)} joined`]),
    ...(left.length === 0 ? [] : [`${names(left)} left`]),
    ...(before === undefined || before.mode === mode ? [] : [MODE_WORDS[mode]]),
  ];
  return parts.length === 0 ? undefined : `${parts.join("; ")} (${online} here)`;
}

/** In a line of status. */
export function crowdStatus({ online, mode }: Crowd): string {
  return mode === "full" ? `${online} here` : `${online} here, ${mode}`;
}

export function names(people: readonly { readonly user: string; readonly name: string }[]): string {
  return people.map(({ user, name }) => speaker(user, name)).join(", ");
}
