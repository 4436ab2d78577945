// How components follow what lives outside of them: the SDK's objects and the small stores of this page. The two promises are those
// of the SDK's `state()`: the same object until something changes, and a call for each change.
import type { Channel, ChannelState } from "@rookery/client";
import { useEffect, useReducer, useRef } from "preact/hooks";

export interface Observable<T> {
  readonly state: () => T;
  /** Answers how to stop it. */
  readonly on: (event: "change", hear: () => void) => () => void;
}

/** Draws again when it changes; also when it changed between the first drawing and the first effect. */
export function useObserved<T>(source: Observable<T>): T {
  const [, redraw] = useReducer((n: number) => n + 1, 0);
  const drawn = source.state();
  const last = useRef(drawn);
  last.current = drawn;
  useEffect(() => {
    const look = (): void => {
      if (source.state() !== last.current) redraw(undefined);
    };
    look();
    return source.on("change", look);
  }, [source]);
  return drawn;
}

export function useChannelState(channel: Channel): ChannelState {
  return useObserved<ChannelState>(channel);
}
