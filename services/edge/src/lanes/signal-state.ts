// What a client that was not given signals for a while shows of them, and the frames that put it right: how many are there, who
// types, and who types no more. Used by lanes.ts on a socket's way back.

import type { Crowds } from "../presence/crowds.ts";
import { endFrame } from "../typing/typists.ts";
import type { Typists } from "../typing/typists.ts";
import type { SignalState } from "./lanes.ts";

export interface SignalSources {
  readonly crowds: Pick<Crowds, "frameFor">;
  readonly typists: Pick<Typists, "framesFor" | "shownTo">;
}

export function createSignalState(sources: () => SignalSources): SignalState {
  return {
    shown: (channel, user) => sources().typists.shownTo(channel, user),
    corrections(channel, user, shown) {
      const { crowds, typists } = sources();
      const crowd = crowds.frameFor(channel);
      const now = new Set(typists.shownTo(channel, user).map((each) => each.user));
      const ended = shown.filter((each) => !now.has(each.user));
      return [
        ...(crowd === undefined ? [] : [crowd]),
        ...ended.map((each) => endFrame({ channel, ...each })),
        ...typists.framesFor(channel, user),
      ];
    },
  };
}
