/** Which leads are shown, which are turned over, which one is the rhythm strip. */
import { useEffect, useRef } from "preact/hooks";
import { CHEST, LIMB, STANDARD } from "../../ecg/leads";
import { words } from "../../i18n";
import { Icon } from "../../ui/icons";
import type { Display } from "../props";

export interface LeadsPanelProps {
  readonly display: Display;
  readonly onDisplay: (display: Display) => void;
  readonly leadNames: readonly string[];
}

export function LeadsPanel({ display, onDisplay, leadNames }: LeadsPanelProps) {
  const root = useRef<HTMLDetailsElement>(null);
  const { paper } = words.value;
  useEffect(() => closeFromOutside(root.current), []);
  const leads = shownNames(leadNames);
  const isChanged = display.hiddenLeads.size > 0 || display.reversedLeads.size > 0;
  return (
    <details class="paper-leads" ref={root}>
      <summary class={isChanged ? "button filled" : "button"}>
        {paper.leads}
        <Icon name="down" />
      </summary>
      <div class="paper-leads-panel">
        <label>
          {paper.rhythmLead}
          <select
            value={display.rhythmLead}
            onChange={(event) => onDisplay({ ...display, rhythmLead: event.currentTarget.value })}
          >
            {leads.map((lead) => (
              <option key={lead}>{lead}</option>
            ))}
          </select>
        </label>
        <label>
          {paper.waves}
          <input
            type="checkbox"
            checked={display.fiducials ?? false}
            onChange={(event) => onDisplay({ ...display, fiducials: event.currentTarget.checked })}
          />
        </label>
        <table>
          <thead>
            <tr>
              <th scope="col">{paper.lead}</th>
              <th scope="col">{paper.shown}</th>
              <th scope="col">{paper.reversed}</th>
            </tr>
          </thead>
          <tbody>
            {leads.map((lead) => (
              <tr key={lead}>
                <th scope="row">{lead}</th>
                <td>
                  <input
                    type="checkbox"
                    aria-label={`${lead}: ${paper.shown}`}
                    checked={!display.hiddenLeads.has(lead)}
                    onChange={() =>
                      onDisplay({ ...display, hiddenLeads: toggled(display.hiddenLeads, lead) })
                    }
                  />
                </td>
                <td>
                  <input
                    type="checkbox"
                    aria-label={`${lead}: ${paper.reversed}`}
                    checked={display.reversedLeads.has(lead)}
                    onChange={() =>
                      onDisplay({ ...display, reversedLeads: toggled(display.reversedLeads, lead) })
                    }
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

/** The leads that the paper shows: two limb leads give all six. */
function shownNames(sent: readonly string[]): readonly string[] {
  const limb = LIMB.filter((lead) => sent.includes(lead));
  const others = sent.filter((lead) => !STANDARD.includes(lead));
  const chest = CHEST.filter((lead) => sent.includes(lead));
  return [...(limb.length >= 2 ? LIMB : limb), ...chest, ...others];
}

function toggled(leads: ReadonlySet<string>, lead: string): ReadonlySet<string> {
  const changed = new Set(leads);
  if (!changed.delete(lead)) changed.add(lead);
  return changed;
}

/** Close on Escape, and on a press or focus elsewhere. */
function closeFromOutside(panel: HTMLDetailsElement | null): () => void {
  const listening = new AbortController();
  const { signal } = listening;
  const close = (event: Event) => {
    if (panel?.open === true && !panel.contains(event.target as Node)) panel.open = false;
  };
  document.addEventListener("pointerdown", close, { signal });
  document.addEventListener("focusin", close, { signal });
  panel?.addEventListener(
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !panel.open) return;
      panel.open = false;
      panel.querySelector("summary")?.focus();
      event.stopPropagation();
    },
    { signal },
  );
  return () => listening.abort();
}
