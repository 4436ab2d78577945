import { describe, expect, it } from "vitest";
import { linkTo, routeOf } from "./route.ts";

describe("a route", () => {
  it("comes back from its link, whatever an id may hold", () => {
    for (const id of ["lobby", "dm:abcDEF_-09", "a.b:c-d"]) expect(routeOf(linkTo(id))).toEqual({ channel: id });
  });

  it("is the beginning for any other fragment", () => {
    for (const fragment of [
      "",
      "#",
      "#/c/",
      "#/c/a/b",
      "#token=x",
      "#/c/%",
      "#/c/__proto__",
      "#/c/%3Cimg%3E",
      "#/c/a%2Fb",
    ]) {
      expect(routeOf(fragment), fragment).toEqual({ channel: undefined });
    }
  });
});
