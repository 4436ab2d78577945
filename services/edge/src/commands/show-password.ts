// The password that came with a `join`, shown where the channel asks for one. Whoever is a member needs none, and whoever
// may not join is refused whatever it says.

import { ChatError } from "@rookery/protocol";
import type { Grant } from "@rookery/rights";
import type { EdgeContext } from "../context.ts";
import type { Session } from "../session.ts";
import type { Wish } from "./joined.ts";

/** `refusal`: why the user may not join. Rejects with it, or with why the password did not help. */
export async function showPassword(
  { admission, addressOf }: Pick<EdgeContext, "admission" | "addressOf">,
  session: Pick<Session, "user" | "address">,
  { channel, password }: Wish,
  refusal: unknown,
): Promise<Grant> {
  const isAsked = refusal instanceof ChatError && refusal.code === "password_required";
  if (!isAsked || password === undefined) throw refusal;
  return admission.admit({ user: session.user, address: addressOf(session.address) }, channel, password);
}
