/** The bar over the viewer: tabs, what can be done, language, theme and key. */
import { apiKey } from "../../../api/key";
import { words } from "../../../i18n";
import { Icon } from "../../../ui/icons";
import { KeyHint } from "../../../ui/KeyHint";
import { LanguageSwitch } from "../../../ui/LanguageSwitch";
import { Menu } from "../../../ui/Menu";
import { themeItems } from "../../../ui/theme_items";
import { openDialog } from "../dialogs";
import { ExportMenu } from "../export/ExportMenu";
import { tabs } from "../state";
import { Tabs } from "./Tabs";
import "./head.css";

export function Head() {
  const { app } = words.value;
  return (
    <header class="head">
      <a class="logo" href="./" aria-label={app.title}>
        <Icon name="logo" />
      </a>
      <h1 class="visually-hidden">{app.title}</h1>
      <Tabs />
      <div class="head-actions">
        {/* The words are hidden where there is no room for them; they still name the buttons. */}
        <button type="button" class="button" onClick={() => (openDialog.value = "open")}>
          <Icon name="open" />
          <span>{app.open}</span>
          <KeyHint of="o" />
        </button>
        <button
          type="button"
          class="button"
          disabled={tabs.value.length < 2}
          onClick={() => (openDialog.value = "compare")}
        >
          <Icon name="compare" />
          <span>{app.compare}</span>
        </button>
        <ExportMenu />
      </div>
      <div class="head-settings">
        <LanguageSwitch />
        <Menu
          label={app.theme}
          class="bare"
          face={<Icon name={themeItems().icon} />}
          items={themeItems().items}
        />
        <button
          type="button"
          class="bare"
          aria-label={app.help}
          onClick={() => (openDialog.value = "help")}
        >
          <Icon name="help" />
        </button>
        <button
          type="button"
          class="bare"
          aria-label={app.key}
          aria-pressed={apiKey.value !== null}
          onClick={() => (openDialog.value = "key")}
        >
          <Icon name="key" />
        </button>
      </div>
    </header>
  );
}
