/** The ECG paper: a grid with the traces of one recording, true to scale. */
import type { Recording } from "../ecg/recording";
import type { Caliper, Display, Marks, Span, Tool } from "./props";

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

export function Paper({ recording, description }: PaperProps) {
  return (
    <p>
      {description} {recording.leadNames.join(", ")}
    </p>
  );
}
