// Contract of the table of roles.
import { RIGHTS, ROLES } from "@rookery/protocol";
import type { Right, Role } from "@rookery/protocol";
import { describe, expect, it } from "vitest";
import { ROLE_RIGHTS } from "./roles.ts";

const rightsOf = (role: Role): readonly Right[] => ROLE_RIGHTS[role];

describe("roles", () => {
  it("may everything that the role below may, and something more", () => {
    for (const [n, role] of ROLES.entries()) {
      const below = ROLES[n + 1];
      if (below === undefined) continue;
      expect(rightsOf(role), role).toEqual(expect.arrayContaining([...rightsOf(below)]));
      expect(rightsOf(role).length, role).toBeGreaterThan(rightsOf(below).length);
    }
  });

  it("name each right once, in the protocol's order", () => {
    for (const role of ROLES) expect(rightsOf(role)).toEqual(RIGHTS.filter((right) => rightsOf(role).includes(right)));
  });

  it.each<[Right, readonly Role[]]>([
    ["own", ["owner"]],
    ["moderate", ["owner", "moderator"]],
    ["write", ["owner", "moderator", "member"]],
    ["react", ["owner", "moderator", "member"]],
    ["history", ["owner", "moderator", "member", "reader"]],
  ])("give %s to %j only", (right, roles) => {
    expect(ROLES.filter((role) => rightsOf(role).includes(right))).toEqual(roles);
  });
});
