/** The actions of a phone, where the thumb is. */
import { words } from "../../../i18n";
import { Icon } from "../../../ui/icons";
import { Menu } from "../../../ui/Menu";
import { openDialog } from "../dialogs";
import { EXPORT_BUTTON, exportItems } from "../export/ExportMenu";
import { activeTab, tabs, tool } from "../state";
import "./phone.css";

export function PhoneActions() {
  const { app } = words.value;
  const tab = activeTab.value;
  const isMeasuring = tool.value === "caliper";
  return (
    <nav class="phone-actions" aria-label={app.actions}>
      <button type="button" onClick={() => (openDialog.value = "open")}>
        <Icon name="open" />
        {app.open}
      </button>
      <button
        type="button"
        aria-pressed={isMeasuring}
        disabled={tab?.trace.state !== "ready"}
        onClick={() => {
          tool.value = isMeasuring ? "pan" : "caliper";
        }}
      >
        <Icon name="caliper" />
        {app.caliper}
      </button>
      <button
        type="button"
        disabled={tabs.value.length < 2}
        onClick={() => (openDialog.value = "compare")}
      >
        <Icon name="compare" />
        {app.compare}
      </button>
      <Menu
        label={app.export}
        id={EXPORT_BUTTON}
        class="phone-action"
        end="above"
        disabled={tab?.answer.state !== "ready"}
        face={
          <>
            <Icon name="export" />
            {app.export}
          </>
        }
        items={tab === null ? [] : exportItems(tab)}
      />
    </nav>
  );
}
