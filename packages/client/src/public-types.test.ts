// The types of this package are its own, so that whoever installs it needs no other for them; here they are held to the
// protocol's, in both directions where both can say it.
import type { OkFrameOf, Position as WirePosition, SequencedFrame, ServerFrameOf } from "@rookery/protocol/wire";
import { assertType, expectTypeOf, it } from "vitest";
import type { Notice } from "./public-client.ts";
import type { Accepted, Mode, Person, Position, Reaction, Right, Role, Sequenced } from "./public-types.ts";

/** Without what a frame has for the client alone, and without a difference in who may change it. */
type Plain<F> = F extends readonly (infer E)[]
  ? readonly Plain<E>[]
  : F extends object
    ? { readonly [K in keyof F as K extends "prev" ? never : K]: Plain<F[K]> }
    : F;

it("the types that an application sees are those of the protocol's frames", () => {
  type Kinds = "message" | "edited" | "deleted" | "reaction";
  type Mine = { [K in Kinds]: Plain<Extract<Sequenced, { type: K }>> };
  type Theirs = { [K in Kinds]: Plain<Extract<SequencedFrame, { type: K }>> };
  expectTypeOf<Mine>().toExtend<Theirs>();
  expectTypeOf<Theirs>().toExtend<Mine>();
  expectTypeOf<Position>().toEqualTypeOf<WirePosition>();
  expectTypeOf<Plain<OkFrameOf<"send">>>().toExtend<Accepted>();
  expectTypeOf<Plain<Omit<ServerFrameOf<"notice">, "type">>>().toExtend<Notice>();
  expectTypeOf<ServerFrameOf<"joined">>().toExtend<Person>();
  type Joined = OkFrameOf<"join">;
  expectTypeOf<Joined["mode"]>().toEqualTypeOf<Mode>();
  expectTypeOf<Joined["role"]>().toEqualTypeOf<Role>();
  expectTypeOf<Joined["can"][number]>().toEqualTypeOf<Right>();
  expectTypeOf<Plain<NonNullable<ServerFrameOf<"message">["reactions"]>[number]>>().toEqualTypeOf<Plain<Reaction>>();
  assertType<string>("held by the compiler");
});
