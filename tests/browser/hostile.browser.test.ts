// What people send who mean harm, in every field that others see: no script of theirs runs, no element of theirs is made, and
// no link leads into a script.
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { openStage } from "./stage.ts";
import type { Stage } from "./stage.ts";

const SPELLS: readonly string[] = [
  `<img src=x onerror="globalThis.harmed=1">`,
  `<script>globalThis.harmed=1</script>`,
  `<svg/onload=globalThis.harmed=1>`,
  `"><iframe srcdoc="<script>parent.harmed=1</script>">`,
  `javascript:globalThis.harmed=1`,
  `[press](javascript:globalThis.harmed=1)`,
  `https://example.org/"onmouseover="globalThis.harmed=1`,
  `data:text/html,<script>globalThis.harmed=1</script>`,
  `JaVaScRiPt://example.org/%0aglobalThis.harmed=1`,
  `https://user:secret@example.org@evil.example/`,
  "`<b onclick=globalThis.harmed=1>code</b>` **<i>bold</i>**",
  `{{constructor.constructor("globalThis.harmed=1")()}}`,
  `:<img src=x onerror=globalThis.harmed=1>:`,
  `@<img src=x onerror=globalThis.harmed=1>`,
  "a\u202egnp.exe",
];
const SPELL = SPELLS[0] ?? "";
const NAME = `<img src=x onerror=globalThis.harmed=1>`;

declare global {
  /** What a script of theirs would set. */
  var harmed: unknown;
}

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});

interface Seen {
  readonly harmed: unknown;
  readonly elements: readonly string[];
  readonly attributes: readonly string[];
  readonly links: readonly string[];
}

/** What no text may have made. */
const look = (page: Page): Promise<Seen> =>
  page.evaluate(() => {
    const all = [...document.querySelectorAll("#page *")];
    return {
      harmed: globalThis.harmed ?? null,
      elements: all
        .filter((each) =>
          each.matches("script, img, iframe, object, embed, link, style, base, meta, b[onclick], foreignObject"),
        )
        .map((each) => each.outerHTML),
      attributes: all.flatMap((each) => each.getAttributeNames().filter((name) => /^on|^srcdoc$/.test(name))),
      links: [...document.querySelectorAll<HTMLAnchorElement>("#page a[href]")]
        .filter(({ protocol }) => !["http:", "https:"].includes(protocol))
        .map(({ href }) => href),
    };
  });
const UNHARMED: Seen = { harmed: null, elements: [], attributes: [], links: [] };

describe("text that means harm", () => {
  it("is shown as it was written, in bodies, names, metadata and emoji", async () => {
    await stage.backend.channel("pit", { name: SPELL, owner: "ann" });
    const mallory = await stage.cluster.client("mallory", {
      token: () => stage.cluster.token("mallory", { name: NAME }),
    });
    await mallory.join("pit");
    const [first] = await stage.backend.say(
      "pit",
      SPELLS.map((body) => ({ user: "mallory", name: NAME, body, meta: { title: body, [SPELL.slice(0, 20)]: body } })),
    );
    for (const emoji of [SPELL.slice(0, 30), "<b>x</b>", "javascript:1"])
      await mallory.request({ type: "react", channel: "pit", id: first?.id ?? "", emoji, on: true });
    const ann = await stage.visit("ann", { at: "pit" });
    await expect.poll(async () => (await ann.bodies()).length).toBeGreaterThanOrEqual(SPELLS.length);
    await ann.message("gnp.exe").hover();
    expect(await look(ann.page)).toEqual(UNHARMED);
    const bodies = (await ann.bodies()).join("\n");
    expect(SPELLS.slice(0, 4).filter((spell) => !bodies.includes(spell))).toEqual([]);
    await ann.act("gnp.exe", "Open thread");
    await ann.aside("Thread").waitFor();
    await ann.button("Search").click();
    await ann.aside("Search").getByRole("searchbox").fill("harmed");
    await expect.poll(() => ann.aside("Search").getByText("onerror").count()).toBeGreaterThan(0);
    await ann.people.click();
    await ann.aside("People").getByText(NAME).first().waitFor();
    expect(await look(ann.page)).toEqual(UNHARMED);
    await mallory.close();
  });

  it("is as harmless written here, answered, mentioned, and as one's own name", async () => {
    await stage.backend.channel("mirror", { owner: "ann" });
    const ann = await stage.visit("ann", { name: NAME, at: "mirror" });
    for (const spell of SPELLS) await ann.write(spell);
    await expect.poll(async () => (await ann.settled()).length).toBe(SPELLS.length);
    await ann.act("gnp.exe", "Reply");
    await ann.composer.pressSequentially("@<im");
    expect(await look(ann.page)).toEqual(UNHARMED);
    await ann.page.reload();
    await ann.channels.waitFor();
    expect(await look(ann.page)).toEqual(UNHARMED);
  });

  it("in an address leads nowhere", async () => {
    const ann = await stage.visit("ann", { expects: [/status of 40[04]/] });
    for (const fragment of [`#/c/${encodeURIComponent(SPELL)}`, "#/c/%", "#/c/__proto__", "#javascript:1"]) {
      await ann.page.evaluate((next) => void (location.hash = next), fragment);
      expect(await look(ann.page)).toEqual(UNHARMED);
    }
  });
});
