/** What holds for the whole recording and belongs over its findings. */
import type { Analysis } from "../../../api/answer";
import { words } from "../../../i18n";
import { Icon } from "../../../ui/icons";
import { exportFailure } from "../export/exports";
import "./states.css";

export function Notices({ answer }: { answer: Analysis | null }) {
  const { app, states } = words.value;
  const failure = exportFailure.value;
  const sentence = answer === null ? null : noticeOf(answer);
  return (
    <>
      {failure !== null && (
        <p class="notice" role="alert">
          <Icon name="technical" />
          <span>
            {words.value.export.failed(failure.name)}.{" "}
            {failure.problem === null ? (
              states.offlineTitle
            ) : (
              <span lang="en">{failure.problem.message}</span>
            )}
          </span>
          <button
            type="button"
            class="bare"
            aria-label={app.close}
            onClick={() => {
              exportFailure.value = null;
            }}
          >
            <Icon name="close" />
          </button>
        </p>
      )}
      {sentence !== null && (
        <p class="notice">
          <Icon name="technical" />
          {states[sentence]}
        </p>
      )}
    </>
  );
}

/** Unreadable comes first: what no electrode saw, no model could read. */
function noticeOf({
  quality,
  model,
  labels,
}: Analysis): "unreadable" | "noModel" | "noLabels" | null {
  if (quality?.readable === false) return "unreadable";
  if (labels != null) return null;
  return model.encoder === null && model.labels === null ? "noModel" : "noLabels";
}
