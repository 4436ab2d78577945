// The browser of the tests and of the pictures: Debian's chromium, found on this machine or installed as root, with fonts that
// text and emoji are drawn in everywhere alike. Called by stage.ts. Must never pass over a browser that is missing: the tests
// that need one fail and say what to install.
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installPackage, onPath } from "@rookery/servers";
import { chromium } from "playwright-core";
import type { Browser } from "playwright-core";

interface Part {
  readonly what: string;
  readonly debianPackage: string;
  readonly isThere: () => Promise<boolean>;
}

const NAMES = ["chromium", "chromium-browser", "google-chrome"];
const font = (what: string, debianPackage: string, folder: string): Part => ({
  what,
  debianPackage,
  isThere: () => Promise.resolve(existsSync(join("/usr/share/fonts", folder))),
});
const PARTS: readonly Part[] = [
  { what: "Chromium", debianPackage: "chromium", isThere: async () => (await findChromium()) !== undefined },
  font("a font of letters", "fonts-inter", "opentype/inter"),
  font("a font of emoji", "fonts-noto-color-emoji", "truetype/noto/NotoColorEmoji.ttf"),
];

/** Otherwise each machine has a system font of its own, and pictures differ. */
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  ${["system-ui", "sans-serif"]
    .map(
      (family) => `<match><test name="family"><string>${family}</string></test>
    <edit name="family" mode="prepend" binding="strong"><string>Inter</string></edit></match>`,
    )
    .join("\n  ")}
</fontconfig>
`;

async function findChromium(): Promise<string | undefined> {
  const found = await Promise.all(NAMES.map((name) => onPath(name, process.env["PATH"])));
  return found.find((path) => path !== undefined);
}

async function bring({ what, debianPackage, isThere }: Part): Promise<void> {
  if (await isThere()) return;
  const packages = { "apt-get": [debianPackage] };
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const failure = await installPackage({ what, packages, isThere, say, env: process.env });
  if (await isThere()) return;
  throw new Error(`${what} is missing: apt-get install --no-install-recommends ${debianPackage}. ${failure}`);
}

/** A headless browser, and how to end it with all that it has written. */
export async function openBrowser(): Promise<{ browser: Browser; close: () => Promise<void> }> {
  for (const part of PARTS) await bring(part);
  const executablePath = await findChromium();
  if (executablePath === undefined) throw new Error("chromium was here a moment ago");
  const folder = await mkdtemp(join(tmpdir(), "rookery-browser-"));
  const fonts = join(folder, "fonts.conf");
  await writeFile(fonts, FONTS);
  const browser = await chromium.launch({
    executablePath,
    chromiumSandbox: process.getuid?.() !== 0,
    args: ["--font-render-hinting=none"],
    env: { ...process.env, FONTCONFIG_FILE: fonts },
  });
  const close = async (): Promise<void> => {
    await browser.close();
    await rm(folder, { recursive: true, force: true });
  };
  return { browser, close };
}
