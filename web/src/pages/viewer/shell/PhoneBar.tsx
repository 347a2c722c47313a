/** The bar of a phone: whose recording it is, and everything else behind one button. */
import { chooseLanguage, LANGUAGES, type Language, language, words } from "../../../i18n";
import { Icon } from "../../../ui/icons";
import { Menu, type MenuItem } from "../../../ui/Menu";
import { themeItems } from "../../../ui/theme_items";
import { openDialog } from "../dialogs";
import { activeId, activeTab, closeTab, selectTab, tabs } from "../state";
import { personText, whenText } from "./PatientLine";
import "./phone.css";

export function PhoneBar() {
  const { app } = words.value;
  const tab = activeTab.value;
  const when = tab === null ? "–" : whenText(tab);
  const isRead = tab?.answer.state === "ready";
  return (
    <header class="phone-bar">
      <div>
        <h1>{tab === null ? app.title : isRead ? personText(tab) : tab.name}</h1>
        {tab !== null && <p>{when === "–" ? tab.name : `${tab.name} · ${when}`}</p>}
      </div>
      <Menu label={app.more} class="bare" face={<Icon name="more" />} items={items()} />
    </header>
  );
}

function items(): readonly MenuItem[] {
  const { app } = words.value;
  const opened = tabs.value.map((tab, at) => ({
    label: tab.name,
    heading: at === 0 ? app.tabs : undefined,
    checked: tab.id === activeId.value,
    run: () => selectTab(tab.id),
  }));
  const current = activeTab.value;
  const close =
    current === null
      ? []
      : [{ label: app.closeTab(current.name), run: () => closeTab(current.id) }];
  const languages = (Object.keys(LANGUAGES) as Language[]).map((each, at) => ({
    label: LANGUAGES[each].name,
    heading: at === 0 ? app.language : undefined,
    checked: language.value === each,
    run: () => chooseLanguage(each),
  }));
  const themes = themeItems().items.map((item, at) => ({
    ...item,
    heading: at === 0 ? app.theme : undefined,
  }));
  const more = [
    { label: app.key, heading: app.more, run: () => (openDialog.value = "key") },
    { label: app.help, run: () => (openDialog.value = "help") },
  ];
  return [...opened, ...close, ...languages, ...themes, ...more];
}
