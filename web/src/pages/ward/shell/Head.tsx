/** The ward's name, how many alarms are open, sound, order, and the time. */
import { number, words } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import { counts } from "../../../station/alarms";
import { Icon } from "../../../ui/icons";
import { KeyHint } from "../../../ui/KeyHint";
import { LanguageSwitch } from "../../../ui/LanguageSwitch";
import { Menu } from "../../../ui/Menu";
import { themeItems } from "../../../ui/theme_items";
import { AlarmShape } from "../board/AlarmShape";
import { layout } from "../board/layout";
import { openBoard } from "../route";
import { isSoundOn, switchSound } from "../sound";
import {
  bedName,
  chooseOrder,
  isInboxOpen,
  now,
  type Order,
  open,
  order,
  patient,
  watched,
} from "../state";
import { timeOf } from "../words";
import "./head.css";

export function Head() {
  const texts = wardWords.value;
  const beds = watched.value;
  return (
    <header class="ward-head">
      {patient.value === null ? (
        <>
          <h1>{texts.title}</h1>
          {beds !== null && <p class="head-beds">{texts.beds(number(beds.size))}</p>}
        </>
      ) : (
        <Crumbs name={patient.value} />
      )}
      <Counts />
      <div class="head-tools">
        <button
          type="button"
          class="button"
          aria-pressed={isSoundOn.value}
          onClick={() => switchSound()}
        >
          <Icon name={isSoundOn.value ? "sound" : "soundOff"} />
          <span>{isSoundOn.value ? texts.sound.on : texts.sound.off}</span>
          <KeyHint of="D" />
        </button>
        {layout.value.places > 0 && patient.value === null && (
          <Menu
            label={texts.orders[order.value]}
            face={texts.orders[order.value]}
            items={(["bed", "alarms"] as const).map((each: Order) => ({
              label: texts.orders[each],
              checked: order.value === each,
              run: () => chooseOrder(each),
            }))}
          />
        )}
        <LanguageSwitch />
        <Menu
          label={words.value.app.theme}
          class="bare"
          face={<Icon name={themeItems().icon} />}
          items={themeItems().items}
        />
      </div>
      <time class="head-clock">{timeOf(now.value)}</time>
    </header>
  );
}

/** Where a patient's page is: the way back, and whose it is. */
function Crumbs({ name }: { readonly name: string }) {
  const texts = wardWords.value;
  return (
    <>
      <button type="button" class="button head-back" onClick={openBoard}>
        <Icon name="back" />
        {texts.patient.back}
        <KeyHint of="Esc" />
      </button>
      <h1>{texts.bed(bedName(name))}</h1>
    </>
  );
}

/** Three counts: shape, number, word, colour. Where there is no room for the inbox, they open it. */
function Counts() {
  const texts = wardWords.value;
  const count = counts(open.value);
  const firing = counts(open.value.filter(({ state }) => state === "firing"));
  const chips = (["high", "medium", "low"] as const).map((look) => (
    <span
      key={look}
      class={`count ${count[look] > 0 ? `alarm ${look} ${firing[look] > 0 ? "firing" : "seen"}` : ""}`}
    >
      <AlarmShape priority={look} isHollow={firing[look] === 0} />
      {number(count[look])} <span class="count-word">{texts.priority[look]}</span>
    </span>
  ));
  if (layout.value.hasInbox || patient.value !== null) {
    return (
      // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be a flex box everywhere
      <div class="counts" role="group" aria-label={texts.counts}>
        {chips}
      </div>
    );
  }
  return (
    <button
      type="button"
      class="counts"
      aria-expanded={isInboxOpen.value}
      onClick={() => {
        isInboxOpen.value = !isInboxOpen.value;
      }}
    >
      <span class="visually-hidden">
        {isInboxOpen.value ? texts.inbox.close : texts.inbox.show}:
      </span>
      {chips}
    </button>
  );
}
