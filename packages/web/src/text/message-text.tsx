// Draws a message's body. Everything is a text node: nothing of what somebody wrote is ever read as HTML.
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { isEmojiOnly } from "./emoji-only.ts";
import { folded, isLong } from "./fold.ts";
import { segmentsOf } from "./segments.ts";
import type { Segment } from "./segments.ts";

export interface MessageTextProps {
  readonly body: string;
  /** This user's id: a mention of it stands out. */
  readonly me: string;
  /** A user's name by the id, undefined for one that nobody knows; those are no mentions. */
  readonly nameOf: (user: string) => string | undefined;
  /** Of the links; -1 where they are not reached by Tab. */
  readonly tabIndex?: number | undefined;
  /** Whether a long one is unfolded at first, and how to remember that it was. */
  readonly isUnfolded?: boolean | undefined;
  readonly onFold?: ((isUnfolded: boolean) => void) | undefined;
}

export function MessageText({ body, me, nameOf, tabIndex, isUnfolded, onFold }: MessageTextProps): JSX.Element {
  const [isWhole, setWhole] = useState(isUnfolded === true);
  const segments = useMemo(() => segmentsOf(body, (id) => nameOf(id) !== undefined), [body]);
  const canFold = isLong(body);
  const fold = (): void => {
    onFold?.(!isWhole);
    setWhole(!isWhole);
  };
  const drawn = canFold && !isWhole ? folded(segments) : segments;
  return (
    <>
      <div class={isEmojiOnly(body) ? "message-body is-emoji" : "message-body"} dir="auto">
        {drawn.map((segment, n) => (
          <Part key={n} segment={segment} me={me} nameOf={nameOf} tabIndex={tabIndex} />
        ))}
      </div>
      {canFold && (
        <button type="button" class="message-fold" tabIndex={tabIndex} aria-expanded={isWhole} onClick={fold}>
          {isWhole ? "Show less" : "Show more"}
        </button>
      )}
    </>
  );
}

interface PartProps extends Pick<MessageTextProps, "me" | "nameOf" | "tabIndex"> {
  readonly segment: Segment;
}

function Part({ segment, me, nameOf, tabIndex }: PartProps): JSX.Element {
  const { kind, text } = segment;
  if (kind === "link")
    return (
      <a href={segment.href} target="_blank" rel="noopener noreferrer" tabIndex={tabIndex}>
        {text}
      </a>
    );
  if (kind === "mention")
    return (
      <span class={segment.user === me ? "mention is-me" : "mention"} title={text}>
        @<bdi>{nameOf(segment.user) ?? segment.user}</bdi>
      </span>
    );
  if (kind === "text") return <>{text}</>;
  const code = <code>{segment.code}</code>;
  return kind === "block" ? <pre>{code}</pre> : code;
}
