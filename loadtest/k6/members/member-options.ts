// What a script says of a member, and what it may have one do. Read by member.ts.
import type { Command, Frame, Sequenced } from "./frame.ts";
import type { Run } from "./run.ts";
import type { Tokens } from "./tokens.ts";

export interface MemberOptions {
  readonly run: Run;
  /** From 1; members with the same number are the same user. */
  readonly number: number;
  readonly edges: readonly string[];
  readonly tokens: Tokens;
  readonly channels: readonly string[];
  /** When it begins to leave. */
  readonly untilMs: number;
  /** Called once, when every channel is live for the first time. */
  readonly begin?: (member: Member) => void;
  /** Hears how long each message waited for its `ok`. */
  readonly accepted?: (ms: number) => void;
  /** Sees each frame that changes a channel, as it comes. */
  readonly watch?: (frame: Sequenced) => void;
}

export interface Member {
  isLive(): boolean;
  /** Sends a message that is followed to its `ok` and to everybody who is told. */
  speak(channel: string, more?: { replyTo?: string }, onOk?: (reply: Frame) => void): void;
  ask(command: Command, mayBe?: readonly string[]): void;
  /** Loses its connection, and comes back after that time. */
  drop(awayMs: number): void;
  /** Until it leaves: `deed` each time, after the time that `waitMs` gives. */
  every(waitMs: () => number, deed: () => void): void;
}
