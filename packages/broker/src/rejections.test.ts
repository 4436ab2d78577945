// Pure tests of what a rejected command means: the table behind "an error means that it did not happen".
import { ChatError } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { isScriptFault, refusalFor } from "./rejections.ts";

function reply(message: string): Error {
  return Object.assign(new Error(message), { name: "ReplyError" });
}

describe("a rejected command", () => {
  it.each([
    "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "READONLY You can't write against a read only replica.",
    "TRYAGAIN Multiple keys request during rehashing of slot",
    "CLUSTERDOWN Hash slot not served",
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
    "MOVED 1234 127.0.0.1:7001",
    "NOPERM this user has no permissions to run the 'evalsha' command",
  ])("did not happen when Redis answered %j", (message) => {
    expect(refusalFor(reply(message)).code).toBe("unavailable");
  });

  it("did not happen when Redis had no memory for it", () => {
    const message = "OOM allow-oom flag is not set on the script, can not run it when used memory > 'maxmemory'";
    expect(refusalFor(reply(message)).code).toBe("overloaded");
  });

  it.each([
    "Stream isn't writeable and enableOfflineQueue options is false",
    "Cluster isn't ready and enableOfflineQueue options is false",
    "Too many Cluster redirections. Last error: ReplyError: TRYAGAIN Multiple keys request",
  ])("did not happen when it was never sent: %j", (message) => {
    expect(refusalFor(new Error(message)).code).toBe("unavailable");
  });

  it.each([
    new Error("Command timed out"),
    new Error("Connection is closed."),
    new Error("Reached the max retries per request limit (which is 0)."),
    new Error("Socket timeout. Expecting data, but didn't receive any in 3000ms."),
    Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }),
    Object.assign(new Error("Command aborted due to connection close"), { name: "AbortError" }),
    new Error("Too many Cluster redirections. Last error: Error: Connection is closed."),
    reply("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."),
    reply("ERR wrong type script: 0123456789012345678901234567890123456789, on @user_script:7."),
    reply("OOM command not allowed script: 0123456789012345678901234567890123456789, on @user_script:9."),
    "a string",
  ])("may have happened: %s", (error) => {
    expect(refusalFor(error).code).toBe("unknown");
  });

  it("keeps a refusal that already is one", () => {
    const refusal = new ChatError("conflict", "taken");
    expect(refusalFor(refusal)).toBe(refusal);
  });
});

const SHA = "0123456789012345678901234567890123456789";

it.each([
  [`ERR user_script:54: attempt to concatenate a nil value script: ${SHA}, on @user_script:54.`, true],
  [`WRONGTYPE Operation against a key holding the wrong kind of value script: ${SHA}, on @user_script:25.`, true],
  [`READONLY You can't write against a read only replica. script: ${SHA}, on @user_script:9.`, false],
  ["ERR max number of clients reached", false],
  ["BUSY Redis is busy running a script.", false],
])("is a script's own fault or not: %s", (message, is) => {
  expect(isScriptFault(reply(message))).toBe(is);
});
