/** The alarms of a patient, open and past; of the marked one the steps, and what can be done. */
import { useEffect, useState } from "preact/hooks";
import { number } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import { isOpen, type KnownAlarm, lookOf } from "../../../station/alarms";
import { readSteps, type Step } from "../../../station/api";
import { KeyHint } from "../../../ui/KeyHint";
import { acknowledge, silence, underway } from "../acting";
import { AlarmShape } from "../board/AlarmShape";
import { current, now, openDialog, ownAlarms } from "../state";
import { alarmText, momentText, stateText } from "../words";
import { lookAtAlarm } from "./keys";
import { hours } from "./looking";
import "./alarms.css";

export function Alarms() {
  const words = wardWords.value.patient.alarms;
  const all = ownAlarms.value;
  return (
    <section class="card-of own-alarms" aria-label={words.title}>
      <header>
        <h2>{words.title}</h2>
        <p class="card-hint">{words.firing(number(all.filter(isOpen).length))}</p>
      </header>
      {all.length === 0 && <p class="card-none">{words.none(number(hours.value))}</p>}
      <ul>
        {all.map((alarm) => (
          <Row key={alarm.alarm} alarm={alarm} />
        ))}
      </ul>
    </section>
  );
}

function Row({ alarm }: { readonly alarm: KnownAlarm }) {
  const isCurrent = current.value?.newest.alarm === alarm.alarm;
  return (
    <li class={isCurrent ? "own-alarm current" : "own-alarm"}>
      <button
        type="button"
        class="own-face"
        aria-current={isCurrent ? "true" : undefined}
        aria-expanded={isCurrent}
        onClick={() => lookAtAlarm(alarm.alarm)}
      >
        <span class={`row-shape shape-${lookOf(alarm.priority)}`}>
          <AlarmShape priority={alarm.priority} isHollow={alarm.state !== "firing"} />
        </span>
        <span class="own-what">{alarmText(alarm)}</span>
        <time>{momentText(alarm.since_ms)}</time>
        <span class="own-state">{stateText(alarm, 1, now.value)}</span>
      </button>
      {isCurrent && (
        <>
          <Steps alarm={alarm} />
          <Actions alarm={alarm} />
        </>
      )}
    </li>
  );
}

/** Every step with who and when. They are read again whenever one is taken. */
function Steps({ alarm }: { readonly alarm: KnownAlarm }) {
  const words = wardWords.value.patient.alarms;
  const [steps, setSteps] = useState<readonly Step[]>([]);
  useEffect(() => {
    let isWanted = true;
    // Where they cannot be read, the alarm itself is still right.
    void readSteps(alarm.alarm)
      .catch(() => [])
      .then((read) => {
        if (isWanted) setSteps(read);
      });
    return () => {
      isWanted = false;
    };
  }, [alarm]);
  if (steps.length === 0) return null;
  return (
    <ol class="own-steps" aria-label={words.steps}>
      {steps.map(({ number: at, step, by, at_ms: ms, note }) => (
        <li key={at}>
          <time>{momentText(ms)}</time>
          <span>
            {words.step[step]}, {words.by[by] ?? by}
            {note === "" ? "" : `: ${words.noted(note)}`}
          </span>
        </li>
      ))}
    </ol>
  );
}

function Actions({ alarm }: { readonly alarm: KnownAlarm }) {
  const { actions } = wardWords.value;
  return (
    <div class="row-actions">
      {alarm.state === "firing" && (
        <button
          type="button"
          class="button primary"
          disabled={underway.value.has(alarm.alarm)}
          onClick={() => void acknowledge([alarm])}
        >
          {actions.acknowledge}
          <KeyHint of="A" />
        </button>
      )}
      {isOpen(alarm) && (
        <button type="button" class="button" onClick={() => void silence(alarm.patient)}>
          {actions.silence}
          <KeyHint of="S" />
        </button>
      )}
      <button
        type="button"
        class="button"
        onClick={() => {
          openDialog.value = "note";
        }}
      >
        {actions.note}
        <KeyHint of="N" />
      </button>
    </div>
  );
}
