// What random tests of text draw from: every character there is, surrogates apart. fast-check's own unit of them makes a table
// of all, which takes it most of a second.
import { nat } from "fast-check";

export const anyCharacter = nat({ max: 0x10_ffff })
  .filter((code) => code < 0xd8_00 || code > 0xdf_ff)
  .map(
    (code) => String.fromCodePoint(code),
    (text) => (typeof text === "string" && Array.from(text).length === 1 ? (text.codePointAt(0) ?? -1) : -1),
  );
