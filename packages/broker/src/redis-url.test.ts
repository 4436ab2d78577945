// Pure tests of the address of Redis.
import { describe, expect, it } from "vitest";
import { parseRedisUrl, readRedisCa } from "./redis-url.ts";

describe("the address of Redis", () => {
  it("names a single server", () => {
    expect(parseRedisUrl("redis://localhost")).toEqual({
      topology: "single",
      tls: false,
      hosts: [{ host: "localhost", port: 6379 }],
    });
    expect(parseRedisUrl("rediss://user:p%40ss@cache.example:7000/0")).toEqual({
      topology: "single",
      tls: true,
      hosts: [{ host: "cache.example", port: 7000 }],
      username: "user",
      password: "p@ss",
    });
    expect(parseRedisUrl("redis://:secret@[::1]:6380").hosts).toEqual([{ host: "::1", port: 6380 }]);
    expect(parseRedisUrl("redis://:secret@[::1]:6380")).not.toHaveProperty("username");
  });

  it("names a Sentinel group by its master", () => {
    expect(parseRedisUrl("redis+sentinel://s1:26379,s2/mymaster/0")).toEqual({
      topology: "sentinel",
      tls: false,
      hosts: [
        { host: "s1", port: 26_379 },
        { host: "s2", port: 26_379 },
      ],
      master: "mymaster",
    });
  });

  it("names a Cluster by some of its nodes", () => {
    expect(parseRedisUrl("rediss+cluster://a:7000,b:7001")).toMatchObject({
      topology: "cluster",
      tls: true,
      hosts: [
        { host: "a", port: 7000 },
        { host: "b", port: 7001 },
      ],
    });
  });

  it.each([
    ["http://localhost", /must look like/],
    ["localhost:6379", /must look like/],
    ["redis://a,b", /redis\+sentinel/],
    ["redis://localhost:0", /bad host/],
    ["redis://localhost:70000", /bad host/],
    ["redis+sentinel://a,b", /name of its master/],
    ["redis://localhost/1", /only database 0/],
    ["redis://localhost/0003", /only database 0/],
    ["redis+sentinel://a,b/mymaster/2", /only database 0/],
    ["redis+cluster://a/1", /only database 0/],
    ["redis://localhost/x", /bad database/],
    ["redis://:p@ss@localhost", /@ .* written as %40/],
    ["redis://:p@ss/w#rd@localhost", /@ .* written as %40/],
    ["redis://:p/ss@localhost", /@ .* written as %40/],
    ["redis://:p%ss@localhost", /% .* written as %25/],
    ["redis://localhost?db=1", /no parameters/],
    ["redis://localhost#1", /no parameters/],
    ["redis://user@localhost", /needs a password/],
    ["redis://user:password", /bad host/],
    ["redis://a b", /bad host/],
  ])("refuses %s in one line", (url, reason) => {
    expect(() => parseRedisUrl(url)).toThrow(reason);
  });

  it.each([
    "redis://:hunter2@localhost:0",
    "redis:/:hunter2@localhost",
    "redis://:hunter2/x@localhost",
    "redis://:x/hunter2@localhost",
    "redis://:x@y/hunter2@localhost",
    "redis://user:hunter2",
    "redis://localhost/hunter2",
    "redis://:%hunter2@localhost",
    "redis://localhost?password=hunter2",
    "redis+sentinel://a/m/hunter2",
  ])("never repeats a password in an error about %s", (url) => {
    expect(() => parseRedisUrl(url)).toThrow(/^(?!.*hunter2).+$/);
  });
});

describe("a CA of one's own", () => {
  it.each([
    ["nothing", "", /no certificate in PEM/],
    ["a private key", "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----", /no certificate in PEM/],
    ["half of one", "-----BEGIN CERTIFICATE-----\nhunter2", /no certificate in PEM/],
    ["what is none", "-----BEGIN CERTIFICATE-----\nhunter2\n-----END CERTIFICATE-----", /cannot be read/],
  ])("is refused in one line where the file holds %s", (_what, text, reason) => {
    expect(() => readRedisCa(text)).toThrow(reason);
    expect(() => readRedisCa(text)).toThrow(/^(?!.*hunter2).+$/);
  });
});
