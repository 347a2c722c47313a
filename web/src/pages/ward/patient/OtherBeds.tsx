/** The most urgent alarm of another bed that nobody has acknowledged: this page must not hide it. */

import { wardWords } from "../../../i18n/ward";
import { byUrgency, isUrgent } from "../../../station/alarms";
import { AlarmShape, alarmClass } from "../board/AlarmShape";
import { openPatient } from "../route";
import { bedName, now, open } from "../state";
import { alarmText, minutes } from "../words";

export function OtherBeds({ name }: { readonly name: string }) {
  const others = open.value.filter(
    (alarm) => alarm.patient !== name && alarm.state === "firing" && isUrgent(alarm),
  );
  const alarm = others.sort(byUrgency)[0];
  if (alarm === undefined) return null;
  const words = wardWords.value.patient.alarms;
  return (
    <button
      type="button"
      class={`other-bed who-alarm ${alarmClass(alarm)}`}
      onClick={() => openPatient(alarm.patient)}
    >
      <AlarmShape priority={alarm.priority} isHollow={false} />
      <span>{words.others(bedName(alarm.patient), alarmText(alarm))}</span>
      <time>{minutes(now.value - (alarm.fired_ms ?? now.value))}</time>
    </button>
  );
}
