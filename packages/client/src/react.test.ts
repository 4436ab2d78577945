// @vitest-environment happy-dom
// The hooks: no socket on a server, one join for however many components, in StrictMode too, and a leave a while after the last.
import { act, createElement, StrictMode } from "react";
import type { FunctionComponent, ReactNode } from "react";
import { createRoot } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { messageOf, settled, startScene } from "./fake-world.fixture.ts";
import type { Scene } from "./fake-world.fixture.ts";
import type { SocketLike } from "./public-client.ts";
import { RookeryProvider, useChannel, useConnection, usePresence, useTyping, useUnread } from "./react.ts";

declare const document: { readonly createElement: (tag: "div") => { readonly textContent: string } };

const dialled: string[] = [];
let closed = 0;

class FakeSocket implements SocketLike {
  readonly readyState = 0;
  constructor(url: string) {
    dialled.push(url);
  }
  addEventListener(): void {
    // Nothing ever comes.
  }
  send(): void {
    throw new Error("it is not open");
  }
  close(): void {
    closed += 1;
  }
}

const Shown: FunctionComponent<{ id: string }> = ({ id }) => {
  const { state } = useChannel(id);
  const { state: connection, me } = useConnection();
  return createElement(
    "p",
    null,
    `${connection} ${me?.user ?? "nobody"} ${state.phase}: ${state.messages.map(({ body }) => body).join()}`,
  );
};

function mount(): { text: () => string; draw: (...next: ReactNode[]) => Promise<void>; end: () => Promise<void> } {
  const host = document.createElement("div");
  const root = createRoot(host);
  const draw = (...next: ReactNode[]): Promise<void> =>
    act(async () => {
      root.render(createElement(StrictMode, null, ...next));
      await settled();
    });
  const end = (): Promise<void> => act(async () => root.unmount());
  onTestFinished(end);
  return { text: () => host.textContent, draw, end };
}

const within = ({ client }: Scene, ...children: ReactNode[]): ReactNode =>
  createElement(RookeryProvider, { client }, ...children);

beforeAll(() => void vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true));
afterAll(() => void vi.unstubAllGlobals());
beforeEach(() => {
  vi.useFakeTimers();
  dialled.length = 0;
  closed = 0;
});
afterEach(() => {
  vi.useRealTimers();
});

describe("the provider", () => {
  const options = { url: "ws://one/ws", token: "t", WebSocket: FakeSocket };

  it("opens no socket where a server renders, and shows what there is: nothing yet", () => {
    const page = createElement(RookeryProvider, options, createElement(Shown, { id: "lobby" }));
    expect(renderToString(page)).toBe("<p>idle nobody away: </p>");
    expect(dialled).toEqual([]);
  });

  it("connects once mounted, keeps that over renders, goes to another address, and closes when it goes", async () => {
    const { draw, end, text } = mount();
    const page = (url: string): ReactNode =>
      createElement(RookeryProvider, { ...options, url, token: () => "t" }, createElement(Shown, { id: "lobby" }));
    await draw(page("ws://one/ws"));
    expect(text()).toBe("opening nobody away: ");
    const { length } = dialled;
    await draw(page("ws://one/ws"));
    expect(dialled).toHaveLength(length);
    await draw(page("ws://two/ws"));
    expect(dialled.slice(length)).toEqual(["ws://two/ws"]);
    await end();
    expect(closed).toBe(dialled.length);
  });
});

describe("the hooks", () => {
  it("join once for two components, draw what comes, and leave a second after the last one", async () => {
    const scene = startScene();
    const { draw, text } = mount();
    const shown = (key: string): ReactNode => createElement(Shown, { id: "lobby", key });
    await draw(within(scene, shown("a"), shown("b")));
    await act(() => scene.open());
    await act(() => scene.joined({ messages: [messageOf(1)] }));
    await act(() => scene.hear(messageOf(2)));
    expect(text()).toBe("open ann live: body 1,body 2".repeat(2));
    expect(scene.waiting("join")).toBe(0);
    await draw(within(scene, shown("a")));
    await vi.advanceTimersByTimeAsync(2_000);
    await draw(within(scene));
    await vi.advanceTimersByTimeAsync(900);
    await draw(within(scene, shown("c")));
    await vi.advanceTimersByTimeAsync(2_000);
    expect([scene.waiting("join"), scene.waiting("leave")]).toEqual([0, 0]);
    await draw(within(scene));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(scene.waiting("leave")).toBe(1);
  });

  it("go from one channel to another without showing the one under the name of the other", async () => {
    const scene = startScene();
    const { draw, text } = mount();
    await draw(within(scene, createElement(Shown, { id: "lobby" })));
    await act(() => scene.open());
    await act(() => scene.joined({ messages: [messageOf(1)] }));
    await draw(within(scene, createElement(Shown, { id: "other" })));
    expect(text()).toBe("open ann joining: ");
  });

  it("join anew where the channel was lost to somebody else's will", async () => {
    const scene = startScene();
    const { draw } = mount();
    await draw(within(scene, createElement(Shown, { id: "lobby" })));
    await act(() => scene.open());
    await act(() => scene.joined());
    await act(() => scene.hear({ type: "removed", channel: "lobby", code: "kicked" }));
    await draw(within(scene));
    await draw(within(scene, createElement(Shown, { id: "lobby" })));
    expect(scene.waiting("join")).toBe(1);
  });

  it("tell who is there, who types and what is unread, and say what this user does", async () => {
    const scene = startScene();
    const { draw, text } = mount();
    let says: ReturnType<typeof useTyping>["tell"] | undefined;
    let reads: ReturnType<typeof useUnread>["markRead"] | undefined;
    const Side: FunctionComponent = () => {
      const { online, mode, present } = usePresence("lobby");
      const { typing, tell } = useTyping("lobby");
      const { unread, mentions, markRead } = useUnread("lobby");
      [says, reads] = [tell, markRead];
      const names = [present, typing].map((some) => some.map(({ name }) => name).join());
      return [online, mode, ...names, unread, mentions].join(" ");
    };
    await draw(within(scene, createElement(Side)));
    await act(() => scene.open());
    await act(() => scene.joined());
    await act(() => scene.hear({ type: "typing", channel: "lobby", user: "bob", name: "Bob", on: true, ttlMs: 6_000 }));
    const bob = { user: "bob", name: "Bob", role: "member" };
    await act(() => scene.ok(scene.take("members"), { channel: "lobby", online: 2, members: [bob] }));
    expect(text()).toBe("2 full Bob Bob 0 0");
    await act(() => scene.hear(messageOf(1, { user: "eve", mentions: ["ann"] })));
    expect(text()).toBe("2 full Bob Bob 1 1");
    says?.();
    reads?.();
    expect(scene.take("typing")).toMatchObject({ on: true });
    await act(() =>
      scene.ok(scene.take("read"), { channel: "lobby", read: { epoch: 1, seq: 1 }, unread: 0, mentions: 0 }),
    );
    expect(text()).toBe("2 full Bob Bob 0 0");
  });
});
