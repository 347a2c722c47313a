/** The seconds until something happens, and what happens then. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface CountdownProps {
  readonly to: Date;
  readonly onZero?: () => void;
  readonly children: (seconds: number) => ComponentChildren;
}

export function Countdown({ to, onZero, children }: CountdownProps) {
  // The first moment counts: a parent that is drawn again must not move it.
  const end = useRef(to.getTime());
  const [seconds, setSeconds] = useState(secondsTo(end.current));
  const done = useRef(false);
  useEffect(() => {
    const timer = setInterval(() => {
      const left = secondsTo(end.current);
      setSeconds(left);
      if (left > 0 || done.current) return;
      done.current = true;
      onZero?.();
    }, 500);
    return () => clearInterval(timer);
  }, []);
  return <p class="small">{children(seconds)}</p>;
}

function secondsTo(ms: number): number {
  return Math.max(0, Math.ceil((ms - Date.now()) / 1000));
}
