// A message's body as the parts that are drawn: plain text, links, mentions, code. Pure. What is drawn of all parts, put together, is
// the body word for word; a link leads to nothing but http, https and mailto, whatever the body says.
export type Segment =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string }
  | { readonly kind: "mention"; readonly text: string; readonly user: string }
  /** Drawn without its marks. */
  | { readonly kind: "code" | "block"; readonly text: string; readonly code: string };

const SCHEMES: ReadonlySet<string> = new Set(["http:", "https:", "mailto:"]);
/** The newline that ends a block is drawn by the block itself. */
const BLOCK = /```(?:[\w+#.-]{0,20}\n)?([^]*?)```\n?/g;
/** A span of code, an address, or a mention as the protocol finds them; whatever else may follow what stands before an `@`. */
const INLINE =
  /`([^`\n]+)`|(?<![\p{L}\p{N}])((?:https?:\/\/|mailto:)[^\s<>"`]+)|(?<![\p{L}\p{N}_@])@([A-Za-z0-9_.-]+)/giu;
const MOST_MENTION_CHARS = 64;

export function segmentsOf(body: string, isUser: (id: string) => boolean): readonly Segment[] {
  const found: Segment[] = [];
  let end = 0;
  for (const match of body.matchAll(BLOCK)) {
    const code = (match[1] ?? "").replace(/\n$/, "");
    if (code.trim() === "") continue;
    addInline(found, body.slice(end, match.index), isUser);
    found.push({ kind: "block", text: match[0], code });
    end = match.index + match[0].length;
  }
  addInline(found, body.slice(end), isUser);
  return found;
}

function addInline(found: Segment[], text: string, isUser: (id: string) => boolean): void {
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, address, id] = match;
    const segment = code === undefined ? (linkOf(address) ?? mentionOf(id, isUser)) : codeOf(whole, code);
    if (!segment) continue;
    if (match.index > end) found.push({ kind: "text", text: text.slice(end, match.index) });
    found.push(segment);
    end = match.index + segment.text.length;
  }
  if (end < text.length) found.push({ kind: "text", text: text.slice(end) });
}

function codeOf(text: string, code: string): Segment | undefined {
  return code.trim() === "" ? undefined : { kind: "code", text, code };
}

function linkOf(address: string | undefined): Segment | undefined {
  if (address === undefined) return undefined;
  const text = withoutSentenceEnd(address);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !SCHEMES.has(url.protocol)) return undefined;
  const leadsNowhere = url.protocol === "mailto:" ? !url.pathname.includes("@") : url.hostname === "";
  return leadsNowhere ? undefined : { kind: "link", text, href: url.href };
}

/** What ends a sentence belongs to it; a bracket belongs to an address that opened it. */
function withoutSentenceEnd(address: string): string {
  let unopened = address.split(")").length - address.split("(").length;
  let end = address.length;
  while (end > 0 && /[.,:;!?'")\]}*~…’”»]/u.test(address.charAt(end - 1))) {
    if (address.charAt(end - 1) === ")" && unopened-- <= 0) break;
    end--;
  }
  return address.slice(0, end);
}

function mentionOf(run: string | undefined, isUser: (id: string) => boolean): Segment | undefined {
  const user = run?.replace(/\.+$/, "") ?? "";
  const isOne = user !== "" && user.length <= MOST_MENTION_CHARS && isUser(user);
  return isOne ? { kind: "mention", text: `@${user}`, user } : undefined;
}
