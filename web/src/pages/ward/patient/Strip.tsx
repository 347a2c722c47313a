/** The strip: what happens now, swept as monitors do, or the paper of any moment. */
import { useMemo } from "preact/hooks";
import { number, words } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import { Paper } from "../../../paper/Paper";
import type { Display, Marks } from "../../../paper/props";
import { Icon } from "../../../ui/icons";
import { KeyHint } from "../../../ui/KeyHint";
import { singleKeys } from "../../../ui/single_keys";
import { StripNotes } from "../board/BedTile";
import { layout } from "../board/layout";
import { Strips, StripWindow } from "../board/Strips";
import { chosen, moment, ownAlarms, stale, watched } from "../state";
import { alarmText, duration, momentText } from "../words";
import { backToLive, switchWhole } from "./keys";
import { calibration, caliper, deviceNow, group, isMeasuring, isWhole, stretch } from "./looking";
import { leadsBeyond, type Stretch } from "./stretch";
import "./strip.css";

/** As strips are drawn everywhere, uncalibrated: 4 px a mm. */
const MM_PER_S = 25;

export function Strip({ name }: { readonly name: string }) {
  const texts = wardWords.value.patient;
  const ms = moment.value;
  const title = ms === null ? texts.stripNow : texts.stripAt(momentText(ms));
  return (
    <section class="card-of strip-card" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <StripHints name={name} ms={ms} />
        <StripTools ms={ms} />
      </header>
      {ms === null ? <Live name={name} /> : <Past ms={ms} />}
    </section>
  );
}

function StripHints({ name, ms }: { readonly name: string; readonly ms: number | null }) {
  const texts = wardWords.value.patient;
  const parts = [
    ms === null ? null : texts.ago(duration(deviceNow.value - ms)),
    watched.value !== null && !watched.value.has(name) ? texts.notWatched : null,
    `${number(MM_PER_S)} mm/s · 10 mm/mV`,
    ms !== null && stretch.value?.archived === true ? texts.archived : null,
  ];
  return <p class="card-hint">{parts.filter((part) => part !== null).join(" · ")}</p>;
}

function StripTools({ ms }: { readonly ms: number | null }) {
  const texts = wardWords.value.patient;
  return (
    <div class="card-tools">
      {ms !== null && layout.value.name === "phone" && <Groups />}
      {ms !== null && (
        <button
          type="button"
          class="button"
          aria-pressed={isMeasuring.value}
          onClick={() => {
            isMeasuring.value = !isMeasuring.value;
          }}
        >
          <Icon name="caliper" />
          {words.value.paper.caliper}
          <KeyHint of="C" />
        </button>
      )}
      <button type="button" class="button" aria-pressed={isWhole.value} onClick={switchWhole}>
        {isWhole.value ? texts.lessPaper : texts.fullPaper}
        <KeyHint of="P" />
      </button>
      {ms !== null && (
        <button type="button" class="button primary" onClick={backToLive}>
          {texts.backToLive}
          <KeyHint of="L" />
        </button>
      )}
    </div>
  );
}

/** Narrow paper has room for limb leads or chest leads. */
function Groups() {
  const { paper } = words.value;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be a flex box everywhere
    <div class="segmented" role="group" aria-label={paper.leads}>
      {(["limb", "chest"] as const).map((each) => (
        <button
          key={each}
          type="button"
          aria-pressed={group.value === each}
          onClick={() => {
            group.value = each;
          }}
        >
          {paper.groups[each]}
        </button>
      ))}
    </div>
  );
}

function Live({ name }: { readonly name: string }) {
  const isStale = stale.value.has(name);
  return (
    <Strips
      class={isStale ? "live-strip stale" : "live-strip"}
      tracePx={1.8}
      mmPerS={MM_PER_S}
      labelsAll
    >
      <StripWindow patient={name} place="page" />
      <StripNotes patient={name} place="page" />
    </Strips>
  );
}

function Past({ ms }: { readonly ms: number }) {
  const texts = wardWords.value.patient;
  const read = stretch.value;
  if (read === null || ms < read.fromMs || ms >= read.toMs) {
    return <p class="strip-none">{texts.reading}</p>;
  }
  if (read.recording === null) return <p class="strip-none hatched">{texts.noSignal}</p>;
  return <PastPaper ms={ms} read={read} recording={read.recording} />;
}

interface PastPaperProps {
  readonly ms: number;
  readonly read: Stretch;
  readonly recording: NonNullable<Stretch["recording"]>;
}

/** Before the moment, this much is seen of a stretch that has just been opened. */
const BEFORE_S = 4;

function PastPaper({ ms, read, recording }: PastPaperProps) {
  const texts = wardWords.value.patient;
  const display = useMemo<Display>(
    () => ({
      layout: layout.value.name === "phone" ? group.value : "3x4",
      speed: MM_PER_S,
      gain: 10,
      rhythmLead: "II",
      filter: "off",
      notch: "off",
      hiddenLeads: isWhole.value ? new Set() : leadsBeyond(recording.leadNames),
      reversedLeads: new Set(),
      ...calibration,
    }),
    [recording, isWhole.value, layout.value, group.value],
  );
  // A stretch that has not ended is read again and again; what a person looks at stays.
  const viewKey = useMemo(() => ({}), [read.patient, read.fromMs]);
  const marks = useMarks(ms, read);
  const description = `${texts.stripAt(momentText(ms))}, ${texts.leadsOf(recording.leadNames.join(", "))}`;
  return (
    <div class="strip-paper">
      <Paper
        recording={recording}
        display={display}
        marks={marks}
        tool={isMeasuring.value ? "caliper" : "pan"}
        caliper={caliper.value}
        onCaliper={(placed) => {
          caliper.value = placed;
        }}
        onCrop={() => undefined}
        singleKeys={singleKeys.value}
        viewKey={viewKey}
        startS={(ms - read.fromMs) / 1000 - BEFORE_S}
        description={description}
      />
    </div>
  );
}

/** The moment is a thin band, an alarm that begins there one as long as it lasted. */
const THIN_S = 0.04;
const MOST_BAND_S = 6;

function useMarks(ms: number, read: Stretch): Marks {
  const alarm = ownAlarms.value.find(
    ({ alarm: each, since_ms: sinceMs }) => each === chosen.value && sinceMs === ms,
  );
  const caption = alarm === undefined ? momentText(ms) : alarmText(alarm);
  const fromS = (ms - read.fromMs) / 1000;
  const lastedS = alarm?.ended_ms == null ? 0 : (alarm.ended_ms - alarm.since_ms) / 1000;
  const toS = fromS + Math.min(MOST_BAND_S, Math.max(THIN_S, lastedS));
  // The paper moves to evidence that is new to it.
  const evidence = useMemo(
    () => [{ leads: [], fromS, toS, caption }],
    [read.patient, read.fromMs, fromS, toS, caption],
  );
  return useMemo(
    () => ({ beats: read.beats, evidence, poorLeads: [], spikesS: [] }),
    [read.beats, evidence],
  );
}
