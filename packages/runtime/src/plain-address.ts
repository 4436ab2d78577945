// The one form in which addresses are compared and counted, however they were written. Pure.
import { isIPv6 } from "node:net";

/** IPv6 with all its eight groups, since everybody leaves out others; an IPv4 client of a dual-stack socket as what it is. */
export function plainAddress(address: string): string {
  if (!address.includes(":") || !isIPv6(address) || address.includes("%")) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const [first, last] = [groupsOf(head), groupsOf(tail ?? "")];
  const groups = [...first, ...Array.from({ length: 8 - first.length - last.length }, () => 0), ...last];
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0);
  return isMapped
    ? [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".")
    : groups.map((group) => group.toString(16)).join(":");
}

/** The last two groups may be written as IPv4. */
function groupsOf(part: string): number[] {
  return part === "" ? [] : addressBits(part);
}

function groupsIn(text: string): number[] {
  if (!text.includes(".")) return [Number.parseInt(text, 16)];
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return [a * 256 + b, c * 256 + d];
}

/** The bits of an address in its plain form, 16 at a time: two numbers for IPv4, eight for IPv6. */
export function addressBits(plain: string): number[] {
  return plain.split(":").flatMap(groupsIn);
}
