/** The recording on the page compared with another opened one, which is taken as the earlier. */
import { useSignal } from "@preact/signals";
import { words } from "../../i18n";
import { Compare, type Compared } from "../../panels/compare/Compare";
import { Dialog } from "../../ui/Dialog";
import { closeDialog } from "./dialogs";
import { activeTab, type Tab, tabs } from "./state";

export function CompareDialog() {
  const chosen = useSignal<number | null>(null);
  const after = comparedOf(activeTab.value);
  const others = tabs.value.filter(
    (tab) => tab.id !== activeTab.value?.id && tab.answer.state === "ready",
  );
  const other = others.find((tab) => tab.id === chosen.value) ?? others[0] ?? null;
  const before = comparedOf(other);
  return (
    <Dialog title={words.value.panels.compare} onClose={closeDialog} wide>
      {others.length > 1 && (
        <div class="segmented compare-choice">
          {others.map((tab) => (
            <button
              key={tab.id}
              type="button"
              aria-pressed={tab.id === other?.id}
              onClick={() => {
                chosen.value = tab.id;
              }}
            >
              {tab.name}
            </button>
          ))}
        </div>
      )}
      {before !== null && after !== null && <Compare before={before} after={after} />}
    </Dialog>
  );
}

function comparedOf(tab: Tab | null): Compared | null {
  return tab?.answer.state === "ready" ? { name: tab.name, answer: tab.answer.value } : null;
}
