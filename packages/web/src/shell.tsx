// The page once somebody is signed in: the channels on one side, a conversation on the other, one of them where there is no room
// for both. Follows the address; keeps the list of channels fresh.
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { BrowseDialog } from "./channels/browse-dialog.tsx";
import { Home } from "./channels/home.tsx";
import { NewChannelDialog } from "./channels/new-channel-dialog.tsx";
import type { DialogName } from "./channels/dialog-name.ts";
import { nameOf } from "./channels/open-channels.ts";
import { Sidebar } from "./channels/sidebar.tsx";
import { useUnread } from "./channels/unread.ts";
import { useChat } from "./chat.ts";
import { ConnectionBanner } from "./connection-banner.tsx";
import { Conversation } from "./conversation/conversation.tsx";
import { useObserved } from "./observe.ts";
import type { ChannelInfo } from "./rest.ts";
import { watchRoute } from "./route.ts";
import { ToastList } from "./toasts.tsx";

/** How soon one sees that one was made a member elsewhere; also whenever the page is looked at again. */
const REFRESH_MS = 60_000;

export function Shell(): JSX.Element {
  const { channels, toasts } = useChat();
  const [dialog, setDialog] = useState<DialogName>(undefined);
  const route = useMemo(() => watchRoute(window), []);
  const { channel: id } = useObserved(route);
  const list = useObserved(channels.list);
  const shown = list.find(({ info }) => info.id === id);
  useFreshChannels();
  useOpened(id, shown !== undefined);
  useTitle(shown ? nameOf(shown.info) : undefined);
  const close = (): void => setDialog(undefined);
  return (
    <div class="shell" data-shows={id === undefined ? "channels" : "conversation"}>
      <Sidebar current={id} show={setDialog} />
      <div class="stage">
        <ConnectionBanner />
        {shown && <Conversation key={shown.info.id} open={shown} />}
        {!shown && id === undefined && <Home show={setDialog} />}
        {!shown && id !== undefined && (
          <main class="home" aria-busy="true">
            <p class="quiet">Opening {id}…</p>
          </main>
        )}
      </div>
      {dialog === "browse" && <BrowseDialog onClose={close} />}
      {dialog === "new" && <NewChannelDialog onClose={close} />}
      <ToastList toasts={toasts} />
    </div>
  );
}

/** A link may lead to a channel that is not on the list: it is asked for, and joined whether the api knows it or not. */
function useOpened(id: string | undefined, isOpen: boolean): void {
  const { channels, rest } = useChat();
  useEffect(() => {
    // Whoever comes back to a channel asks again: what kept this user out may be over.
    const known = channels.list.state().find(({ info }) => info.id === id);
    if (known?.channel.state().phase === "out") channels.open(known.info);
  }, [id, channels]);
  useEffect(() => {
    if (id === undefined || isOpen) return undefined;
    let isWanted = true;
    const open = (info: ChannelInfo): void => {
      if (isWanted) channels.open(info);
    };
    rest.channel(id).then(open, () => open({ id, kind: "public" }));
    return () => {
      isWanted = false;
    };
  }, [id, isOpen, channels, rest]);
}

function useFreshChannels(): void {
  const { channels, tell } = useChat();
  useEffect(() => {
    const refresh = (): void => {
      if (document.hidden) return;
      channels.refresh().catch(() => tell("The list of your channels could not be fetched."));
    };
    refresh();
    const timer = setInterval(refresh, REFRESH_MS);
    document.addEventListener("visibilitychange", refresh);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", refresh);
    };
  }, [channels, tell]);
}

function useTitle(name: string | undefined): void {
  const { mentions, unread } = useUnread();
  useEffect(() => {
    const count = mentions > 0 ? `(${mentions}) ` : unread > 0 ? "• " : "";
    document.title = `${count}${name === undefined ? "" : `${name} · `}Rookery`;
  }, [name, mentions, unread]);
}
