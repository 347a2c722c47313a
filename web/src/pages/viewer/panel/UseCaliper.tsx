/** What the caliper spans, used as a measurement of the report: done by hand. */
import { number, words } from "../../../i18n";
import { worded } from "../../../panels/findings/facts";
import { caliper, change, type Tab } from "../state";

/** The intervals that are measured with a caliper, by the server's names. */
const NAMES = ["pr_ms", "qrs_ms", "qt_ms"] as const;

export function UseCaliper({ tab }: { tab: Tab }) {
  const placed = caliper.value;
  if (placed === null) return null;
  const ms = Math.round(Math.abs(placed.toS - placed.fromS) * 1000);
  const { clinical, export: text } = words.value;
  if (ms === 0) return null;
  return (
    <p class="use-caliper">
      {text.useAs(`${number(ms)} ms`)}
      {NAMES.map((name) => (
        <button
          key={name}
          type="button"
          class="button"
          aria-pressed={tab.byHand[name] === ms}
          onClick={() => change(tab.id, { byHand: { ...tab.byHand, [name]: ms } })}
        >
          {worded(clinical.measurements, name)}
        </button>
      ))}
    </p>
  );
}
