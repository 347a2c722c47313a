/** Who and when, how it was recorded, and whether it is good enough to read. */
import type { Analysis } from "../../../api/answer";
import { secondsOf } from "../../../ecg/recording";
import { dateTime, number, words } from "../../../i18n";
import { QualityChip } from "../../../panels/quality/QualityChip";
import { CalibrationChip } from "../../../paper/CalibrationChip";
import { display, personOf, show, type Tab } from "../state";
import "./patient.css";

export function PatientLine({ tab }: { tab: Tab }) {
  const { patient } = words.value;
  const answer = tab.answer.state === "ready" ? tab.answer.value : null;
  return (
    <section class="patient" aria-label={patient.label}>
      <div>
        <h2>{answer === null ? tab.name : personText(tab)}</h2>
        <p>{idText(tab, answer)}</p>
      </div>
      <div>
        <p class="when">{whenText(tab)}</p>
        <p>{recordedOf(tab, answer)}</p>
      </div>
      <div class="chips">
        <QualityChip quality={answer?.quality ?? null} />
        <CalibrationChip display={display.value} onDisplay={show} />
      </div>
    </section>
  );
}

/** The recording's own id, else its name where the heading does not say it. */
function idText(tab: Tab, answer: Analysis | null): string {
  if (answer === null) return "\u00a0";
  return answer.id === null ? tab.name : `${words.value.patient.id} ${answer.id}`;
}

/** Age and sex in words. */
export function personText(tab: Tab): string {
  const { patient } = words.value;
  const { age, sex } = personOf(tab);
  const parts = [
    age === null ? "" : patient.years(number(age)),
    sex === null ? "" : (patient.sexes[sex] ?? sex),
  ];
  return parts.filter((part) => part !== "").join(", ") || patient.unknown;
}

export function whenText(tab: Tab): string {
  const { recordingDate } = personOf(tab);
  return recordingDate === null ? "–" : dateTime(recordingDate);
}

/** Device, sampling rate, length and leads. */
export function recordedOf(tab: Tab, answer: Analysis | null): string {
  if (tab.trace.state !== "ready") return "–";
  const { fs, leadNames } = tab.trace.value;
  const parts = [
    answer?.reported?.device ?? "",
    `${number(fs, Number.isInteger(fs) ? 0 : 1)} Hz`,
    `${number(secondsOf(tab.trace.value), Number.isInteger(secondsOf(tab.trace.value)) ? 0 : 1)} s`,
    words.value.patient.leads(number(leadNames.length)),
  ];
  return parts.filter((part) => part !== "").join(" · ");
}
