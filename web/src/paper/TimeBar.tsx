/** Which part of a long recording is seen; drag, click or arrows move it. */
import { useRef } from "preact/hooks";
import { number, words } from "../i18n";

export interface TimeBarProps {
  readonly fromS: number;
  readonly pageS: number;
  readonly totalS: number;
  readonly onMove: (fromS: number) => void;
}

export function TimeBar({ fromS, pageS, totalS, onMove }: TimeBarProps) {
  /** Where in the thumb it was taken, in seconds; null while it is not. */
  const taken = useRef<number | null>(null);
  const secondAt = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * totalS;
  };
  const letGo = () => {
    taken.current = null;
  };
  return (
    <div
      class="paper-time"
      role="scrollbar"
      tabIndex={0}
      aria-label={words.value.paper.timeBar}
      aria-controls="ecg-paper"
      aria-orientation="horizontal"
      aria-valuemin={0}
      aria-valuemax={Math.max(0, totalS - pageS)}
      aria-valuenow={fromS}
      aria-valuetext={words.value.paper.seconds(number(fromS, 1))}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        const second = secondAt(event);
        const isOnThumb = second >= fromS && second <= fromS + pageS;
        taken.current = isOnThumb ? second - fromS : pageS / 2;
        event.currentTarget.setPointerCapture(event.pointerId);
        onMove(second - taken.current);
      }}
      onPointerMove={(event) => {
        if (taken.current !== null) onMove(secondAt(event) - taken.current);
      }}
      onPointerUp={letGo}
      onPointerCancel={letGo}
      onKeyDown={(event) => {
        // With these, arrows are the browser's: back, forward.
        if (event.ctrlKey || event.altKey || event.metaKey) return;
        const steps: Readonly<Record<string, number>> = {
          ArrowLeft: fromS - 1,
          ArrowRight: fromS + 1,
          PageUp: fromS - pageS,
          PageDown: fromS + pageS,
          Home: 0,
          End: totalS,
        };
        const to = steps[event.key];
        if (to === undefined) return;
        event.preventDefault();
        onMove(to);
      }}
    >
      <div
        class="paper-time-thumb"
        style={{ left: `${(100 * fromS) / totalS}%`, width: `${(100 * pageS) / totalS}%` }}
      />
    </div>
  );
}
