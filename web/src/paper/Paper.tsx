/** The ECG paper: a grid with the traces of one recording, true to scale. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Recording } from "../ecg/recording";
import { number } from "../i18n";
import { onThemeChange } from "./colours";
import type { View } from "./geometry";
import { attachPointer } from "./pointer";
import "./paper.css";
import type { Caliper, Display, Marks, Span, Tool } from "./props";
import { Screen } from "./screen";
import { shownAtOnce } from "./shown";
import { START, showing } from "./view";

export interface PaperProps {
  readonly recording: Recording;
  readonly display: Display;
  readonly marks: Marks;
  readonly tool: Tool;
  readonly caliper: Caliper | null;
  readonly onCaliper: (caliper: Caliper | null) => void;
  readonly onCrop: (span: Span) => void;
  /** What a screen reader says of the picture. */
  readonly description: string;
}

/** Where each recording was looked at, so that a tab comes back as it was left. */
const VIEWS = new WeakMap<Recording, View>();

export function Paper(props: PaperProps) {
  const { recording, display, marks, description } = props;
  const frame = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const screen = useRef<Screen | null>(null);
  const leads = useMemo(() => shownAtOnce(recording), [recording]);

  useEffect(() => {
    if (frame.current === null || base.current === null || over.current === null) return;
    const drawn = new Screen(
      base.current,
      over.current,
      () => {},
      () => {},
    );
    screen.current = drawn;
    const observer = observeSize(frame.current, drawn);
    const stopTheme = onThemeChange(() => drawn.retheme());
    const stopPointer = attachPointer(frame.current, drawn);
    void fontsLoaded().then(() => drawn.retheme());
    return () => {
      observer.disconnect();
      stopTheme();
      stopPointer();
      drawn.stop();
    };
  }, []);

  useEffect(() => {
    const drawn = screen.current;
    if (drawn === null) return;
    drawn.view = VIEWS.get(recording) ?? START;
    return () => {
      VIEWS.set(recording, drawn.view);
    };
  }, [recording]);

  useEffect(() => {
    const milliseconds = (seconds: number) => `${number(seconds * 1000)} ms`;
    screen.current?.show({ recording, leads, display, marks, milliseconds });
  }, [recording, leads, display, marks]);

  const seen = marks.evidence[0];
  useEffect(() => {
    const drawn = screen.current;
    if (seen === undefined || drawn?.sheet == null) return;
    drawn.move(showing(drawn.sheet, drawn.view, seen.fromS, seen.toS));
  }, [seen]);

  return (
    <div class="paper" ref={frame}>
      <canvas ref={base} role="img" aria-label={description} />
      <canvas ref={over} />
    </div>
  );
}

/** A canvas does not wait for fonts: labels would be drawn and measured with another one. */
function fontsLoaded(): Promise<unknown> {
  const weights = ["500", "600"].map((weight) => `${weight} 14px "IBM Plex Sans"`);
  return Promise.all(weights.map((font) => document.fonts.load(font)));
}

function observeSize(frame: HTMLElement, screen: Screen): ResizeObserver {
  const observer = new ResizeObserver(([entry]) => {
    if (entry === undefined) return;
    const device = entry.devicePixelContentBoxSize?.[0];
    const css = entry.contentBoxSize[0];
    const ratio = window.devicePixelRatio;
    const width = device?.inlineSize ?? Math.round((css?.inlineSize ?? 0) * ratio);
    const height = device?.blockSize ?? Math.round((css?.blockSize ?? 0) * ratio);
    screen.resize(width, height, ratio);
  });
  try {
    observer.observe(frame, { box: "device-pixel-content-box" });
  } catch (error) {
    // Safari knows no device-pixel-content-box.
    if (!(error instanceof TypeError)) throw error;
    observer.observe(frame);
  }
  return observer;
}
