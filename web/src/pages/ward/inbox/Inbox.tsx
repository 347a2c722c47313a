/** The alarm inbox: what is open, what needs somebody first; below it what has ended. */
import { number } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import { type Fold, lookOf } from "../../../station/alarms";
import { KeyHint } from "../../../ui/KeyHint";
import { acknowledge, silence, underway } from "../acting";
import { AlarmShape, alarmClass } from "../board/AlarmShape";
import { layout } from "../board/layout";
import { openPatient } from "../route";
import { bedName, chosen, current, ended, inbox, now, openDialog } from "../state";
import { alarmText, stateText, timeOf } from "../words";
import "./inbox.css";

export function Inbox() {
  const words = wardWords.value.inbox;
  const rows = inbox.value;
  return (
    <section class="inbox" aria-label={words.title} id="inbox">
      <header>
        <h2>{words.title}</h2>
        <span>{words.open(number(rows.length))}</span>
      </header>
      <div class="inbox-rows">
        {rows.length === 0 && <p class="inbox-none">{words.none}</p>}
        <ul>
          {rows.map((fold) => (
            <Row key={fold.newest.alarm} fold={fold} />
          ))}
        </ul>
        <h3>{words.ended}</h3>
        {ended.value.length === 0 && <p class="inbox-none">{words.noneEnded}</p>}
        <ul>
          {ended.value.map((fold) => (
            <EndedRow key={fold.newest.alarm} fold={fold} />
          ))}
        </ul>
      </div>
      {layout.value.hasInbox && <Hints />}
    </section>
  );
}

function Row({ fold }: { readonly fold: Fold }) {
  const { newest, all } = fold;
  const { actions } = wardWords.value;
  const isCurrent = current.value?.newest.alarm === newest.alarm;
  return (
    <li class={isCurrent ? "row current" : "row"}>
      <button
        type="button"
        class="row-face"
        aria-current={isCurrent ? "true" : undefined}
        onClick={() => {
          chosen.value = newest.alarm;
        }}
      >
        <span class={`row-bed ${alarmClass(newest)}`}>{bedName(newest.patient)}</span>
        <span class="row-what">
          <span class={`row-shape shape-${lookOf(newest.priority)}`}>
            <AlarmShape priority={newest.priority} isHollow={newest.state !== "firing"} />
          </span>
          {alarmText(newest)}
        </span>
        <span class="row-state">{stateText(newest, all.length, now.value)}</span>
        <time class="row-time">{timeOf(newest.fired_ms ?? newest.since_ms)}</time>
      </button>
      {isCurrent && (
        <div class="row-actions">
          {newest.state === "firing" && (
            <>
              <button
                type="button"
                class="button primary"
                disabled={underway.value.has(newest.alarm)}
                onClick={() => void acknowledge(all)}
              >
                {actions.acknowledge}
              </button>
              <button type="button" class="button" onClick={() => void silence(newest.patient)}>
                {actions.silence}
              </button>
            </>
          )}
          <button
            type="button"
            class="button"
            onClick={() => {
              openDialog.value = "note";
            }}
          >
            {actions.note}
          </button>
          <button type="button" class="button" onClick={() => openPatient(newest.patient)}>
            {actions.open}
          </button>
        </div>
      )}
    </li>
  );
}

function EndedRow({ fold }: { readonly fold: Fold }) {
  const { newest, all } = fold;
  return (
    <li class="row ended">
      <button type="button" class="row-face" onClick={() => openPatient(newest.patient)}>
        <span class="row-bed">{bedName(newest.patient)}</span>
        <span class="row-what">{alarmText(newest)}</span>
        <span class="row-state">{stateText(newest, all.length, now.value)}</span>
        <time class="row-time">{timeOf(newest.fired_ms ?? newest.since_ms)}</time>
      </button>
    </li>
  );
}

function Hints() {
  const { actions } = wardWords.value;
  const hints = [
    ["J", ""],
    ["K", actions.move],
    ["A", actions.acknowledge],
    ["S", actions.silence],
    ["N", actions.note],
    ["?", actions.allKeys],
  ] as const;
  return (
    <footer class="inbox-hints">
      {hints.map(([key, what]) => (
        <span key={key}>
          <KeyHint of={key} /> {what}
        </span>
      ))}
    </footer>
  );
}
