/** The themes as items of a menu. */
import { words } from "../i18n";
import type { IconName } from "./icons";
import type { MenuItem } from "./Menu";
import { chooseTheme, THEMES, type Theme, theme } from "./theme";

const ICONS: Readonly<Record<Theme, IconName>> = { system: "system", light: "sun", dark: "moon" };

export function themeItems(): { readonly icon: IconName; readonly items: readonly MenuItem[] } {
  const items = THEMES.map((each) => ({
    label: words.value.app.themes[each],
    checked: theme.value === each,
    run: () => chooseTheme(each),
  }));
  return { icon: ICONS[theme.value], items };
}
