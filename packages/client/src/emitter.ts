/** Those who listen to something, by event. A listener that throws is the application's fault and told as any uncaught error. */

export interface Emitter<E> {
  /** Answers how to stop it. */
  readonly on: <K extends keyof E>(event: K, hear: (value: E[K]) => void) => () => void;
  readonly emit: <K extends keyof E>(event: K, value: E[K]) => void;
}

export function createEmitter<E>(): Emitter<E> {
  const hearers: { [K in keyof E]?: Set<(value: E[K]) => void> } = {};
  return {
    on(event, hear) {
      const all = (hearers[event] ??= new Set());
      all.add(hear);
      return () => void all.delete(hear);
    },
    emit(event, value) {
      for (const hear of hearers[event] ?? []) {
        try {
          hear(value);
        } catch (error) {
          // What one listener does wrong must not keep a frame from the others, nor from the channel's state.
          setTimeout(() => {
            throw error;
          });
        }
      }
    },
  };
}
