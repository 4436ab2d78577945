// Pure tests of the names in Redis: all of one channel under one hash tag, none of them ambiguous.
import { describe, expect, it } from "vitest";
import { createKeys } from "./keys.ts";
import { createPartitions } from "./partitions.ts";

const partitions = createPartitions(8);
const keys = createKeys(partitions);

describe("keys", () => {
  it("puts all of a channel under the tag of its partition", () => {
    const partition = partitions.of("general");
    const tag = `{${partitions.tag(partition)}}`;
    const channel = keys.channel("general");
    const shared = keys.partition(partition);
    const names = [channel.head, channel.log, channel.gone, channel.topic, channel.once("u", "c"), channel.slow("u")];
    names.push(shared.part, shared.outbox, shared.rights, shared.shed, shared.control, shared.probe("n1"));
    expect(channel.partition).toBe(partition);
    expect(names.every((name) => name.startsWith(`${tag}:`))).toBe(true);
    expect(new Set(names).size).toBe(names.length);
  });

  it("names what the layout names", () => {
    const tag = `{${partitions.tag(partitions.of("a:b"))}}`;
    expect(keys.channel("a:b").head).toBe(`${tag}:head:a:b`);
    expect(keys.channel("a:b").topic).toBe(`${tag}:t:a:b`);
    expect(keys.channel("a:b").once("user|with:all{}", "c1")).toBe(`${tag}:once:a:b|c1|user|with:all{}`);
    expect(keys.partition(2).control).toBe(`{${partitions.tag(2)}}:ctl`);
    expect(keys.node("n1")).toBe("node:n1");
  });

  it("never gives one name to two senders, whatever their ids hold", () => {
    const channel = keys.channel("c");
    expect(channel.once("x|y", "a")).not.toBe(channel.once("y", "a"));
    expect(channel.once("b|c", "a")).not.toBe(channel.once("c", "a-b"));
  });

  it("refuses a partition that is not there", () => {
    expect(() => keys.partition(8)).toThrow(RangeError);
  });
});
