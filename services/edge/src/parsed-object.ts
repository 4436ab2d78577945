// The members of a frame that came through a topic, for those few who look into one: a newer node may have written it.

/** Without members for whatever is no JSON object. */
export function parsedObject(frame: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString());
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
