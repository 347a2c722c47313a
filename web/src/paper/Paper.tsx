/** The ECG paper: a grid with the traces of one recording, true to scale. */
import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Recording, secondsOf } from "../ecg/recording";
import { language, words } from "../i18n";
import { BeatTable } from "./BeatTable";
import { CaliperHandles, QtParts } from "./CaliperParts";
import { Caption } from "./Caption";
import { CropHandles } from "./CropHandles";
import { onThemeChange } from "./draw/colours";
import type { View } from "./draw/geometry";
import { drawLoupe } from "./draw/loupe";
import { drawOverlay, type Overlay } from "./draw/overlay";
import { listenForViewKeys, showSecond } from "./keys";
import { placingOn } from "./placing";
import { Pointer } from "./pointer";
import { onPrint } from "./print";
import type { Caliper, Display, Marks, Span, Tool } from "./props";
import { observeSize, Screen, type Spot } from "./screen";
import { useShownLeads } from "./shown";
import { startCaliper, tangentAt } from "./start";
import { TimeBar } from "./TimeBar";
import { beatText, milliseconds, PAPER_WORDS } from "./text";
import { START, showing } from "./view";
import "./paper.css";

export interface PaperProps {
  readonly recording: Recording;
  readonly display: Display;
  readonly marks: Marks;
  readonly tool: Tool;
  readonly caliper: Caliper | null;
  readonly onCaliper: (caliper: Caliper | null) => void;
  /** A person chose a part and confirmed it. */
  readonly onCrop: (span: Span) => void;
  /** What a screen reader says of the picture. */
  readonly description: string;
  /** The second at the left edge, of a recording that has not been looked at; 0 by default. */
  readonly startS?: number;
  /**
   * What is looked at, of a recording that is read anew while it goes on: the view stays while this is
   * the same object. By default the recording itself.
   */
  readonly viewKey?: object;
  /** Whether keys of a single character act (WCAG 2.1.4). They do by default. */
  readonly singleKeys?: boolean;
}

/** Where each recording was looked at, so that a tab comes back as it was left. */
const VIEWS = new WeakMap<object, View>();

export function Paper(props: PaperProps) {
  const { recording, display, marks, tool, caliper, description, viewKey = recording } = props;
  const frame = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const [screen, setScreen] = useState<Screen | null>(null);
  const leads = useShownLeads(recording, display);
  /** What the last frame showed; the parts over the canvas follow it. */
  const view = useSignal<View>(START);
  const crop = useSignal<Span | null>(null);
  const loupe = useSignal<Spot | null>(null);
  const beat = useSignal<number | null>(null);
  const wantsQt = useSignal(false);
  const tangent = useMemo(
    () =>
      wantsQt.value && caliper !== null
        ? tangentAt(leads, recording.fs, marks.beats, caliper)
        : null,
    [wantsQt.value, caliper, leads, recording, marks.beats],
  );
  const overlay: Overlay = {
    ...marks,
    tool,
    caliper,
    crop: tool === "crop" ? crop.value : null,
    beat: beat.value,
    fiducials: display.fiducials ?? false,
    tangent,
    words: PAPER_WORDS,
  };
  // Listeners live as long as the paper; what they read changes with every render.
  const latest = useRef({ props, overlay, leads });
  latest.current = { props, overlay, leads };

  useEffect(() => {
    if (frame.current === null || base.current === null || over.current === null) return;
    const drawn = new Screen(
      base.current,
      over.current,
      (context, picture) => {
        drawOverlay(context, picture, latest.current.overlay);
        if (loupe.value !== null && base.current !== null) {
          drawLoupe(context, picture, base.current, loupe.value);
        }
      },
      (_, seen) => {
        view.value = seen;
      },
    );
    const placing = placingOn(drawn, {
      tool: () => latest.current.props.tool,
      beats: () => latest.current.props.marks.beats,
      setCaliper: (placed) => latest.current.props.onCaliper(placed),
      setCrop: (span) => {
        crop.value = span;
      },
      setLoupe: (spot) => {
        loupe.value = spot;
        drawn.mark();
      },
    });
    const pointer = new Pointer(frame.current, drawn, placing);
    const stopKeys = listenForViewKeys(frame.current, drawn, {
      single: () => latest.current.props.singleKeys ?? true,
      stepBeat: (by) => {
        const { beats } = latest.current.props.marks;
        if (beats.length === 0) return;
        const at = beat.value === null ? (by > 0 ? 0 : beats.length - 1) : beat.value + by;
        beat.value = Math.min(beats.length - 1, Math.max(0, at));
        showSecond(drawn, beats[beat.value]?.r ?? 0);
      },
      place: () => placeByKey(drawn, latest.current.props, crop),
    });
    const observer = observeSize(frame.current, drawn);
    const stopTheme = onThemeChange(() => drawn.retheme());
    void fontsLoaded().then(() => drawn.retheme());
    setScreen(drawn);
    return () => {
      observer.disconnect();
      stopTheme();
      stopKeys();
      pointer.stop();
      drawn.stop();
    };
  }, []);

  useEffect(() => {
    if (screen === null) return;
    screen.view = VIEWS.get(viewKey) ?? { ...START, fromS: latest.current.props.startS ?? 0 };
    beat.value = null;
    crop.value = null;
    return () => {
      VIEWS.set(viewKey, screen.view);
    };
  }, [screen, viewKey]);

  const { poorLeads, beats, evidence } = marks;
  useEffect(() => {
    screen?.show({ recording, leads, display, poorLeads, milliseconds });
  }, [screen, recording, leads, display, poorLeads, language.value]);
  // Marks are drawn after every render: whatever changed may stand on them.
  useEffect(() => screen?.mark());

  const seen = evidence[0];
  useEffect(() => {
    if (seen === undefined || screen === null || screen.sheet === null) return;
    screen.move(showing(screen.sheet, screen.view, seen.fromS, seen.toS));
  }, [screen, seen]);

  const printed = useRef<HTMLCanvasElement>(null);
  useEffect(
    () =>
      onPrint(printed, () => ({
        ...latest.current.props,
        leads: latest.current.leads,
        overlay: latest.current.overlay,
        fromS: view.value.fromS,
        milliseconds,
      })),
    [],
  );
  const table = useMemo(() => <BeatTable beats={beats} />, [beats, language.value]);
  const totalS = secondsOf(recording);
  const geometry = screen?.geometry ?? null;
  const setCrop = (span: Span) => {
    crop.value = span;
  };
  const cropped = (span: Span) => {
    crop.value = null;
    props.onCrop(span);
  };
  const parts = { overlay, recording, onCaliper: props.onCaliper, onCrop: setCrop };
  return (
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: both roles are named.
    <div
      id="ecg-paper"
      class={tool === "pan" ? "paper" : "paper measuring"}
      ref={frame}
      role={tool === "pan" ? "group" : "application"}
      aria-label={description}
      aria-describedby="ecg-paper-how"
      tabIndex={0}
    >
      <canvas ref={base} role="img" aria-label={description} />
      <canvas ref={over} />
      <canvas ref={printed} class="paper-printed" />
      <p id="ecg-paper-how" class="visually-hidden">
        {words.value.paper.measuring}
      </p>
      <output class="visually-hidden">
        {beat.value === null ? "" : beatText(beats, beat.value)}
      </output>
      {table}
      {screen !== null && geometry !== null && view.value !== null && (
        <>
          {caliper !== null && <CaliperHandles {...parts} screen={screen} caliper={caliper} />}
          {overlay.crop !== null && <CropHandles {...parts} screen={screen} crop={overlay.crop} />}
          <div class="paper-foot">
            {caliper !== null && (
              <QtParts {...parts} screen={screen} caliper={caliper} wantsQt={wantsQt} />
            )}
            {overlay.crop !== null && overlay.crop.toS > overlay.crop.fromS && (
              <CropButton crop={overlay.crop} onCropped={cropped} />
            )}
            <Caption display={display} geometry={geometry} leads={leads} zoom={view.value.zoom} />
          </div>
          {geometry.pageS < totalS - 0.01 && (
            <TimeBar
              fromS={geometry.fromS}
              pageS={geometry.pageS}
              totalS={totalS}
              onMove={(fromS) => screen.move({ ...screen.view, fromS })}
            />
          )}
        </>
      )}
    </div>
  );
}

function CropButton({ crop, onCropped }: { crop: Span; onCropped: (span: Span) => void }) {
  const length = PAPER_WORDS.seconds(crop.toS - crop.fromS);
  return (
    <button type="button" class="button primary" onClick={() => onCropped(crop)}>
      {words.value.paper.openCrop(length)}
    </button>
  );
}

function placeByKey(
  screen: Screen,
  { tool, marks, onCaliper }: PaperProps,
  crop: Signal<Span | null>,
): boolean {
  const { picture, geometry } = screen;
  if (picture === null || geometry === null || tool === "pan") return false;
  if (tool === "crop") {
    // The middle half of what is seen.
    const fromS = geometry.fromS + geometry.pageS / 4;
    crop.value = { fromS, toS: fromS + geometry.pageS / 2 };
    return true;
  }
  const placed = startCaliper(picture, marks.beats);
  if (placed !== null) onCaliper(placed);
  return placed !== null;
}

/** A canvas does not wait for fonts: labels would be drawn and measured with another one. */
function fontsLoaded(): Promise<unknown> {
  const weights = ["500", "600"].map((weight) => `${weight} 14px "IBM Plex Sans"`);
  return Promise.all(weights.map((font) => document.fonts.load(font)));
}
