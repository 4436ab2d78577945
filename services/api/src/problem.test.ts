// Contract of the one mapping from errors to problem documents.
import { ChatError, ERRORS } from "@rookery/protocol";
import type { ErrorCode } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { problemHeaders, problemOf, refusalOf } from "./problem.ts";

const codes = Object.keys(ERRORS).filter((code): code is ErrorCode => code in ERRORS);

describe("a problem document", () => {
  it.each(codes)("tells of %s what the protocol's table says", (code) => {
    const problem = problemOf(new ChatError(code, "words"));
    const { http, retry, meaning } = ERRORS[code];
    const type = `urn:rookery:error:${code}`;
    expect(problem).toEqual({ type, title: meaning, status: http, detail: "words", code, retry });
  });

  it("carries the details of its error", () => {
    const problem = problemOf(new ChatError("muted", "words", { channel: "c", until: 5, retryAfterMs: 7 }));
    expect(problem).toMatchObject({ channel: "c", until: 5, retryAfterMs: 7 });
  });

  it("says in whole seconds when to come back, never 0", () => {
    const after = (retryAfterMs: number) =>
      problemHeaders(problemOf(new ChatError("slow_mode", "w", { retryAfterMs })))["retry-after"];
    expect([1, 1000, 1001, 59_999].map((ms) => after(ms))).toEqual(["1", "1", "2", "60"]);
    expect(problemHeaders(problemOf(new ChatError("conflict", "w")))).not.toHaveProperty("retry-after");
  });

  it("asks for a credential only where one is missing or bad", () => {
    const asks = codes.filter((code) => "www-authenticate" in problemHeaders(problemOf(new ChatError(code, "w"))));
    expect(asks).toEqual(["unauthenticated", "token_expired"]);
  });
});

describe("an error", () => {
  const framework = (code: string, statusCode: number) => Object.assign(new Error("inner words"), { code, statusCode });

  it.each([
    [framework("FST_ERR_CTP_BODY_TOO_LARGE", 413), "too_large"],
    [framework("FST_ERR_CTP_INVALID_MEDIA_TYPE", 415), "bad_frame"],
    [framework("FST_ERR_BAD_URL", 400), "bad_frame"],
    [framework("FST_ERR_MAX_PARAM_LENGTH", 414), "invalid"],
    [Object.assign(new SyntaxError("Object contains forbidden prototype property"), { statusCode: 400 }), "bad_frame"],
    [framework("FST_SOMETHING_NEW", 404), "not_found"],
  ])("of the framework is the refusal that it means: %s", (error, code) => {
    const refusal = refusalOf(error);
    expect(refusal?.code).toBe(code);
    expect(refusal?.message).not.toContain("inner words");
  });

  it.each([new Error("password=1"), new TypeError("x"), "text", undefined, framework("E", 500)])(
    "that is a fault of ours is no refusal: %s",
    (error) => {
      expect(refusalOf(error)).toBeUndefined();
    },
  );
});
