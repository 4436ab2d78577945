// Who one is, and what one may set: colours, and leaving.
import type { JSX } from "preact";
import { useId } from "preact/hooks";
import { useChat } from "./chat.ts";
import { Face } from "./conversation/message-parts.tsx";
import { Icon } from "./look/icons.tsx";
import { useObserved } from "./observe.ts";
import { THEMES } from "./theme.ts";
import type { Theme } from "./theme.ts";

const TITLES: Readonly<Record<Theme, string>> = { system: "System", light: "Light", dark: "Dark" };

export function YouMenu(): JSX.Element {
  const { me, theme, signOut } = useChat();
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
        <button type="button" class="menu-item" onClick={signOut}>
          Sign out
        </button>
      </div>
    </footer>
  );
}
