// Light, dark, or as the system says; kept in the browser. Tells the document by an attribute that the colours follow.
import { createStore } from "./store.ts";
import type { Store } from "./store.ts";

export const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEPT = "rookery-page/theme";

export function createTheme(storage: Storage, root: HTMLElement): Store<Theme> {
  const kept = storage.getItem(KEPT);
  const theme = createStore<Theme>(THEMES.find((each) => each === kept) ?? "system");
  const show = (): void => {
    root.dataset["theme"] = theme.state();
    storage.setItem(KEPT, theme.state());
  };
  theme.on("change", show);
  show();
  return theme;
}
