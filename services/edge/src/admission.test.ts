// Contract of being let in by a password.
import type { ChannelOutcome } from "@rookery/store";
import { ChatError } from "@rookery/protocol";
import { expect, it } from "vitest";
import { createAdmission } from "./admission.ts";

const DONE = {
  kind: "done",
  change: {
    ...{ kind: "channel", channel: "vault", entries: [], forgets: false, removal: null },
    record: { version: 4, kind: "password", owner: "olga", slowModeSec: 0, memberCap: null, deleted: false },
  },
  ...{ announcement: 17, audit: "{}" },
} as const satisfies ChannelOutcome;
const GRANT = { role: "member", can: [], version: 4, slowModeMs: 0, mutedUntilMs: undefined } as const;
const NO_MEMBER = new ChatError("password_required", "join this channel with its password", { channel: "vault" });

interface Scene {
  readonly waitMs?: number;
  readonly hash?: string | undefined;
  readonly outcome?: ChannelOutcome;
  readonly announced?: Promise<never>;
  readonly fresh?: ChatError;
}

function scene(given: Scene = {}) {
  const { waitMs = 0, outcome = DONE, announced, fresh } = given;
  const hash = "hash" in given ? given.hash : "hash of sesame";
  const steps: string[] = [];
  const step = async <Answer>(text: string, answer: Answer): Promise<Answer> => {
    steps.push(text);
    return answer;
  };
  const { admit } = createAdmission({
    take: (scopes, most, windowMs) => step(`take ${scopes.join(" ")} ${most} in ${windowMs / 60_000} min`, waitMs),
    giveBack: (scopes) => step(`give back ${scopes.join(" ")}`, undefined),
    channels: { passwordHash: () => step("hash", hash) },
    passwords: { verify: (held, password) => step("verify", held === `hash of ${password}`) },
    acts: { admit: ({ user, passwordHash }) => step(`admit ${user} by ${passwordHash}`, outcome) },
    announcer: {
      async announce(partition) {
        await step(`announce in ${partition}`, undefined);
        await announced;
        return { epoch: 1, number: 1 };
      },
    },
    announcements: { done: (ids) => step(`done ${ids.join(" ")}`, undefined) },
    rights: {
      async fresh() {
        await step("fresh", undefined);
        if (fresh !== undefined) throw fresh;
        return GRANT;
      },
    },
    partitionOf: () => 3,
    fault: () => steps.push("fault"),
  });
  const answer = (password = "sesame", address = "h4sh"): Promise<unknown> =>
    admit({ user: "ann", address }, "vault", password).catch((error: unknown) => error);
  return { steps, answer };
}

it("counts the try, checks, makes a member, tells every node, and then asks for the rights", async () => {
  const { steps, answer } = scene();
  expect(await answer()).toBe(GRANT);
  expect(steps).toEqual([
    ...["take user|ann address|h4sh 5 in 15 min", "hash", "verify", "give back user|ann address|h4sh"],
    ...["admit ann by hash of sesame", "announce in 3", "done 17", "fresh"],
  ]);
});

it("checks nothing beyond the tries, and tells when there is another", async () => {
  const { steps, answer } = scene({ waitMs: 900 });
  const details = { channel: "vault", retryAfterMs: 900 };
  expect(await answer()).toMatchObject({ code: "rate_limited", details });
  expect(steps).toHaveLength(1);
});

it("counts by the user alone where an address tells nobody apart", async () => {
  const { steps, answer } = scene();
  await answer("sesame", "");
  expect(steps[0]).toBe("take user|ann 5 in 15 min");
});

it("gives no wrong guess back, and lets nobody in by it", async () => {
  const { steps, answer } = scene();
  expect(await answer("simsalabim")).toMatchObject({ code: "wrong_password", details: { channel: "vault" } });
  expect(steps.slice(1)).toEqual(["hash", "verify"]);
});

it("goes by the rights alone where there is no password to check any more", async () => {
  const { steps, answer } = scene({ hash: undefined, fresh: new ChatError("not_found", "no such channel") });
  expect(await answer()).toMatchObject({ code: "not_found" });
  expect(steps.slice(1)).toEqual(["hash", "fresh"]);
});

it("tells why nobody was made a member, unless the rights say more", async () => {
  const refused = (code: "too_many" | "conflict" | "forbidden"): ChannelOutcome => ({
    kind: "refused",
    code,
    message: "",
  });
  expect(await scene({ outcome: refused("too_many"), fresh: NO_MEMBER }).answer()).toMatchObject({ code: "too_many" });
  expect(await scene({ outcome: refused("conflict"), fresh: NO_MEMBER }).answer()).toMatchObject({
    code: "wrong_password",
  });
  const banned = new ChatError("banned", "you are banned from this channel");
  expect(await scene({ outcome: refused("forbidden"), fresh: banned }).answer()).toBe(banned);
});

it("lets nobody in whom it could tell nobody of; the change stands, so that a repeat finds a member", async () => {
  const announced = Promise.reject(new ChatError("unknown", "no answer"));
  announced.catch(() => undefined);
  const { steps, answer } = scene({ announced });
  expect(await answer()).toMatchObject({ code: "unknown" });
  expect(steps.at(-1)).toBe("announce in 3");
  expect(await scene({ outcome: { kind: "unchanged" } }).answer()).toBe(GRANT);
});
