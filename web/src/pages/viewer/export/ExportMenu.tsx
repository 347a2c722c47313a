/** The menu of what can be taken along from the recording of the active tab. */
import { words } from "../../../i18n";
import { Icon } from "../../../ui/icons";
import { Menu, type MenuItem } from "../../../ui/Menu";
import { openDialog } from "../dialogs";
import { activeTab, type Tab } from "../state";
import {
  asked,
  makeReport,
  type ReportKind,
  saveJson,
  saveMeasurements,
  saveSamples,
} from "./exports";

/** The key E presses this button. */
export const EXPORT_BUTTON = "export";

export function ExportMenu() {
  const { app } = words.value;
  const tab = activeTab.value;
  return (
    <Menu
      label={app.export}
      id={EXPORT_BUTTON}
      class="button primary"
      disabled={tab === null || tab.answer.state !== "ready"}
      face={
        <>
          <Icon name="export" />
          <span>{app.export}</span>
          <Icon name="down" />
        </>
      }
      items={tab === null ? [] : exportItems(tab)}
    />
  );
}

export function exportItems(tab: Tab): readonly MenuItem[] {
  const text = words.value.export;
  const report = (kind: ReportKind, label: string, heading?: string): MenuItem => ({
    label,
    heading,
    run: () => askOrMake(kind, tab),
  });
  return [
    report("pdf", text.pdf, text.report),
    report("pdf-letter", text.pdfLetter),
    report("png", text.png),
    report("dicom", text.dicom),
    { label: text.print, run: () => window.print() },
    { label: text.json, heading: text.data, run: () => saveJson(tab) },
    report("fhir", text.fhir),
    { label: text.measurements, run: () => saveMeasurements(tab) },
    { label: text.samples, run: () => saveSamples(tab) },
  ];
}

/** Values by hand need the initials of who measured them. */
export function askOrMake(kind: ReportKind, tab: Tab): void {
  const hasHand = Object.keys(tab.byHand).length > 0;
  if (kind === "fhir" || !hasHand) {
    void makeReport(kind, tab);
    return;
  }
  asked.value = kind;
  openDialog.value = "by-hand";
}
