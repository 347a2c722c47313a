/** Fields for what a file does not say of itself, and the server asked for. */
import { useState } from "preact/hooks";
import type { Problem } from "../../../api/problem";
import { HINT_NAMES, type Hints } from "../../../api/upload";
import { words } from "../../../i18n";
import { loadWithHints, type Tab } from "../state";

const UNITS = ["mV", "uV", "V", "unknown"];
type HintName = (typeof HINT_NAMES)[number];

/** The fields that the server names and a person can fill in. */
export function missingIn(problem: Problem): readonly HintName[] {
  return HINT_NAMES.filter((name) => problem.fields.includes(name));
}

export function MissingFields({ tab, problem }: { tab: Tab; problem: Problem }) {
  const { states } = words.value;
  const before: Hints = tab.upload.kind === "record" ? {} : (tab.upload.hints ?? {});
  const [hints, setHints] = useState<Hints>(before);
  const missing = missingIn(problem);
  const field = (name: HintName, label: string, mode: "decimal" | "text") => (
    <div class="field">
      <label for={`hint-${name}`}>{label}</label>
      <input
        id={`hint-${name}`}
        inputMode={mode}
        value={hints[name] ?? ""}
        aria-invalid={missing.includes(name)}
        placeholder={name === "lead_names" ? "I, II, III, aVR, aVL, aVF, V1, ..." : undefined}
        onInput={(event) => setHints({ ...hints, [name]: event.currentTarget.value })}
      />
    </div>
  );
  return (
    <form
      class="missing"
      onSubmit={(event) => {
        event.preventDefault();
        void loadWithHints(tab, filled(hints));
      }}
    >
      <p>{states.missingHint}</p>
      <div class="fields">
        {field("fs", states.fs, "decimal")}
        {field("lead_names", states.leadNames, "text")}
        <div class="field">
          <label for="hint-units">{states.units}</label>
          <select
            id="hint-units"
            value={hints.units ?? ""}
            onChange={(event) => setHints({ ...hints, units: event.currentTarget.value })}
          >
            <option value="">{states.asInFile}</option>
            {UNITS.map((unit) => (
              <option key={unit}>{unit}</option>
            ))}
          </select>
        </div>
        {field("gain", states.gain, "decimal")}
      </div>
      <button type="submit" class="button primary">
        {states.send}
      </button>
    </form>
  );
}

/** Without empty fields; a decimal comma becomes a point. */
function filled(hints: Hints): Hints {
  const entries = HINT_NAMES.map((name) => [name, hints[name]?.trim() ?? ""] as const);
  return Object.fromEntries(
    entries
      .filter(([, value]) => value !== "")
      .map(([name, value]) => [name, name === "lead_names" ? value : value.replace(",", ".")]),
  );
}
