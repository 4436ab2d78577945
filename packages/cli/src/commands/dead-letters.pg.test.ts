// What `dead-letters retry --all` says and ends with, of letters that Postgres takes by now, that it does not, and that nobody is
// owed any more.
import { testPostgres } from "@rookery/testkit";
import { beforeEach, describe, expect, it } from "vitest";
import { runCommand } from "../control/fake-api.suite.ts";

const { url, sql } = await testPostgres();
const retry = (...argv: readonly string[]) =>
  runCommand(["dead-letters", "retry", ...argv], { env: { ROOKERY_POSTGRES_URL: url } });

beforeEach(async () => {
  await sql`truncate messages, dead_letters restart identity cascade`;
});

/** As a persister puts it there; the deleted message that holds its position comes beside it, unless the channel forgot it. */
async function letter(channel: string, frame: string, isHeld = true): Promise<void> {
  const place = { channel, epoch: 1, seq: 1 };
  if (isHeld) {
    const held = { ...place, kind: "message", id: "m".repeat(21), author: "ada", at: 1, deleted_at: 1 };
    await sql`insert into messages ${sql(held)}`;
  }
  const entry = { partition: 1, entry_epoch: 1, entry_number: 1, reason: "refused by Postgres (23514)" };
  await sql`insert into dead_letters ${sql({ ...place, ...entry, frame: Buffer.from(frame), at: 1 })}`;
}

const said = (channel: string): string =>
  JSON.stringify({
    ...{ type: "message", channel, epoch: 1, seq: 1, at: 1, id: "m".repeat(21) },
    ...{ clientId: "c", user: "ada", name: "Ada", body: "hello" },
  });

describe("a retry of all dead letters", () => {
  it("says what became of each, and ends well though nobody is owed some of them any more", async () => {
    await letter("deleted", "");
    await letter("kept", said("kept"));
    await letter("gone", said("gone"), false);
    const told = [
      "1  its message was deleted: drop it",
      "2  stored",
      "3  its channel does not keep it any more: drop it",
    ];
    expect(await retry("--all")).toEqual({ code: 0, out: told.join("\n"), err: "" });
    expect(await retry("--all", "--json")).toMatchObject({
      code: 0,
      out: '{"id":1,"outcome":"deleted"}\n{"id":3,"outcome":"gone"}',
    });
    // Named by its number it was asked for, and is not stored.
    expect((await retry("1")).code).toBe(1);
  });

  it("ends with 1 when one could be stored some day and was not", async () => {
    await letter("deleted", "");
    await letter("unread", "{");
    const { code, out } = await retry("--all");
    expect(code).toBe(1);
    expect(out.split("\n")).toEqual([
      "1  its message was deleted: drop it",
      expect.stringContaining("2  this version"),
    ]);
  });

  it("says in one line that there is none, of a channel by its name, and leaves standard output to results with --json", async () => {
    expect(await retry("--all")).toEqual({ code: 0, out: "nothing to retry: there is no dead letter", err: "" });
    await letter("other", "");
    const none = "nothing to retry: there is no dead letter of lobby";
    expect(await retry("--all", "--channel", "lobby")).toEqual({ code: 0, out: none, err: "" });
    expect(await retry("--all", "--channel", "lobby", "--json")).toEqual({ code: 0, out: "", err: none });
  });
});
