// A Postgres held in memory, for tests of readers: rows by channel, that can be away, and how often it was asked.
import { comparePositions, ORIGIN, parseSequencedFrame } from "@rookery/protocol";
import type { Position, StoredFrame } from "@rookery/protocol";
import type { ColdFrames, OwnWord, Stretch } from "./cold-frames.ts";

export interface Past extends ColdFrames {
  readonly rows: Map<string, StoredFrame[]>;
  /** Whatever channel they are of. */
  readonly words: OwnWord[];
  away: boolean;
  /** Statements so far. */
  asked: number;
  /** Happens right before Postgres answers, once each. */
  readonly meanwhile: (() => Promise<void>)[];
  last(channel: string): Promise<Position>;
  /** One statement. */
  ask<Answer>(answer: () => Answer): Promise<Answer>;
}

export function createPast(): Past {
  const rows = new Map<string, StoredFrame[]>();
  const of = (channel: string): StoredFrame[] =>
    [...(rows.get(channel) ?? [])].toSorted((a, b) => comparePositions(a.position, b.position));

  /** As Postgres does: up to the frame with which the sizes reach the bytes. */
  const cut = (frames: readonly StoredFrame[], { most, bytes }: Stretch): StoredFrame[] => {
    let before = 0;
    return frames.slice(0, most).filter(({ frame }) => {
      const isIn = before < bytes;
      before += Buffer.byteLength(frame) - 100;
      return isIn;
    });
  };
  const after = (stretch: Stretch, wanted: (frame: StoredFrame) => boolean): StoredFrame[] => {
    const from = stretch.from ?? ORIGIN;
    return cut(
      of(stretch.channel).filter((each) => comparePositions(each.position, from) > 0 && wanted(each)),
      stretch,
    );
  };
  const before = (stretch: Stretch, wanted: (frame: StoredFrame) => boolean): StoredFrame[] => {
    const { from } = stretch;
    const older = of(stretch.channel).filter(
      (each) => (from === undefined || comparePositions(each.position, from) < 0) && wanted(each),
    );
    return cut(older.toReversed(), stretch).map((each) => answered(each, stretch));
  };
  /** With how often it is answered by what stands before the position that the stretch names. */
  const answered = (stored: StoredFrame, { channel, answers: end }: Stretch): StoredFrame => {
    const { id } = parseSequencedFrame(stored.frame);
    const counted = of(channel).filter(({ position }) => end === undefined || comparePositions(position, end) < 0);
    const replies = counted.filter(answers(id)).length;
    return replies === 0 ? stored : { ...stored, since: { ...stored.since, id, replies } };
  };
  const all = (): boolean => true;
  const isMessage = ({ frame }: StoredFrame): boolean => frame.startsWith('{"type":"message"');
  const answers =
    (replyTo: string) =>
    ({ frame }: StoredFrame): boolean => {
      const fields = parseSequencedFrame(frame);
      return fields.type === "message" && fields.replyTo === replyTo;
    };

  const past = {
    rows,
    words: new Array<OwnWord>(),
    away: false,
    asked: 0,
    meanwhile: new Array<() => Promise<void>>(),
    async ask<Answer>(answer: () => Answer): Promise<Answer> {
      past.asked += 1;
      for (const happen of past.meanwhile.splice(0)) await happen();
      if (past.away) throw new Error("connect ECONNREFUSED");
      return answer();
    },
    stretchesAfter: (stretches: readonly Stretch[]) => past.ask(() => stretches.map((each) => after(each, all))),
    stretchesBefore: (stretches: readonly Stretch[]) =>
      past.ask(() => stretches.map((each) => before(each, isMessage))),
    repliesAfter: (stretch: Stretch, replyTo: string) =>
      past.ask(() => after(stretch, answers(replyTo)).map((each) => answered(each, stretch))),
    repliesBefore: (stretch: Stretch, replyTo: string) => past.ask(() => before(stretch, answers(replyTo))),
    repliesCount: (channel: string, ids: readonly string[], end: Position | undefined) =>
      past.ask(() => {
        const counted = of(channel).filter(({ position }) => end === undefined || comparePositions(position, end) < 0);
        return new Map(ids.map((id) => [id, counted.filter(answers(id)).length]));
      }),
    ownReactions: (_channel: string, ids: readonly string[], users: readonly string[]) =>
      past.ask(() => past.words.filter(({ id, user }) => ids.includes(id) && users.includes(user))),
    lasts: (channels: readonly string[]) =>
      past.ask(() => channels.map((channel) => of(channel).at(-1)?.position ?? ORIGIN)),
    last: (channel: string) => past.ask(() => of(channel).at(-1)?.position ?? ORIGIN),
  };
  return past;
}
