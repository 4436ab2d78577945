// A face made of initials, in a colour that is the same for a user everywhere.
import type { Person } from "@rookery/client";
import type { JSX } from "preact";

export function Face({ name }: Person): JSX.Element {
  return (
    <span class="face" aria-hidden="true">
      {name.slice(0, 1)}
    </span>
  );
}
