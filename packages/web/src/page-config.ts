// What the api tells this page of its cluster (`GET page.json`), read once at the start. Nothing here is secret.
import { answerOf } from "./rest.ts";
import { fieldOf, listOf, textOf } from "./shape.ts";

export interface PageConfig {
  /** Where the sockets are; none: `/ws` of the page's own origin. */
  readonly ws: readonly string[];
  /** Whether a name alone is enough to come in. */
  readonly guest: boolean;
  /** The operator's own address that answers `{token}` for whoever its cookies say this is; 401 with `{location}` of its sign-in. */
  readonly signIn?: string;
}

export async function readPageConfig(): Promise<PageConfig> {
  const answer: unknown = await answerOf(await fetch("page.json"));
  const ws = listOf(fieldOf(answer, "ws"), (each) => (typeof each === "string" ? each : undefined));
  const signIn = textOf(answer, "signIn");
  return {
    ws: ws.length > 0 ? ws : [ownSocket(location)],
    guest: fieldOf(answer, "guest") === true,
    ...(signIn === undefined ? {} : { signIn }),
  };
}

export function ownSocket({ protocol, host }: Pick<Location, "protocol" | "host">): string {
  return `${protocol === "https:" ? "wss" : "ws"}://${host}/ws`;
}
