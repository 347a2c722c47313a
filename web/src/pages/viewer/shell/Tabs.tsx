/** The opened recordings. Keys 1 to 9 choose one; Delete closes the one with the focus. */
import { words } from "../../../i18n";
import { Icon } from "../../../ui/icons";
import { openDialog } from "../dialogs";
import { activeId, closeTab, selectTab, type Tab, tabs } from "../state";
import "./tabs.css";

export function Tabs() {
  const { app } = words.value;
  return (
    <nav class="tabs" aria-label={app.tabs}>
      <ul>
        {tabs.value.map((tab) => (
          <TabItem key={tab.id} tab={tab} />
        ))}
      </ul>
      <button
        type="button"
        class="bare"
        aria-label={app.newTab}
        onClick={() => (openDialog.value = "open")}
      >
        <Icon name="plus" />
      </button>
    </nav>
  );
}

function TabItem({ tab }: { tab: Tab }) {
  const isActive = tab.id === activeId.value;
  return (
    <li class={isActive ? "active" : undefined}>
      <button
        type="button"
        class="tab-name"
        aria-current={isActive ? "page" : undefined}
        title={tab.name}
        onClick={() => selectTab(tab.id)}
        onKeyDown={(event) => event.key === "Delete" && closeTab(tab.id)}
      >
        {tab.answer.state === "failed" && <Icon name="critical" />}
        {tab.name}
      </button>
      <button
        type="button"
        class="tab-close"
        aria-label={words.value.app.closeTab(tab.name)}
        onClick={() => closeTab(tab.id)}
      >
        <Icon name="close" />
      </button>
    </li>
  );
}
