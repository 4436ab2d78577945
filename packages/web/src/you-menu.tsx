// Who one is, and what one may set: colours, and leaving.
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { useChat } from "./chat.ts";
import { Face } from "./conversation/message-parts.tsx";
import { Icon } from "./look/icons.tsx";
import { useObserved } from "./observe.ts";
import type { Notifying } from "./notifications.ts";
import { THEMES } from "./theme.ts";
import type { Theme } from "./theme.ts";
import { wordsOf } from "./words-of.ts";

const TITLES: Readonly<Record<Theme, string>> = { system: "System", light: "Light", dark: "Dark" };

const NOTIFYING: Readonly<Record<Notifying, string>> = {
  on: "of mentions and direct messages, while you look elsewhere",
  off: "of mentions and direct messages, while you look elsewhere",
  denied: "is what this browser was told not to do",
  unsupported: "is what this browser cannot do",
};

export function YouMenu(): JSX.Element {
  const { me, theme, signOut, notifications, tell } = useChat();
  const notifying = useObserved(notifications.state);
  const shown = useObserved(theme);
  const menuId = useId();
  return (
    <footer class="you">
      <button type="button" class="you-button" popovertarget={menuId} aria-label={`You, ${me.name}`}>
        <Face user={me.user} name={me.name} />
        <bdi class="channel-name">{me.name}</bdi>
        <Icon name="chevron" />
      </button>
      <div id={menuId} popover="auto" class="menu">
        <p class="quiet menu-line">
          Your user id: <bdi>{me.user}</bdi>
        </p>
        <fieldset class="choices menu-line">
          <legend>Colours</legend>
          {THEMES.map((each) => (
            <label key={each} class="choice">
              <input type="radio" name="theme" checked={shown === each} onChange={() => theme.set(each)} />
              {TITLES[each]}
            </label>
          ))}
        </fieldset>
        <label class="choice menu-line">
          <input
            type="checkbox"
            checked={notifying === "on"}
            disabled={notifying === "unsupported" || notifying === "denied"}
            onChange={() => {
              notifications.toggle().catch((error: unknown) => tell(wordsOf(error)));
            }}
          />
          <span>
            Notify me <span class="quiet">{NOTIFYING[notifying]}</span>
          </span>
        </label>
        <button type="button" class="menu-item" onClick={signOut}>
          Sign out
        </button>
      </div>
    </footer>
  );
}
