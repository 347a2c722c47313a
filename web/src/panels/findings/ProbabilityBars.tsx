/** The probabilities of the model's labels and superclasses, each with its threshold. */
import { useSignal } from "@preact/signals";
import type { Analysis } from "../../api/answer";
import { number, words } from "../../i18n";
import { NotAvailable, Waiting } from "../Missing";
import { worded } from "./facts";
import { type Bar, firstBars, labelBars } from "./labelRows";
import "./ProbabilityBars.css";

export function ProbabilityBars({ answer }: { readonly answer: Analysis | null }) {
  const said = words.value.panels;
  const isOpen = useSignal(false);
  const bars = labelBars(answer?.labels ?? []);
  const first = firstBars(bars);
  const rest = bars.length - first;
  return (
    <section class="probabilities">
      <div class="panel-head">
        <h3>{said.probabilities}</h3>
        <p class="probability-key">{said.threshold}</p>
      </div>
      {answer === null && <Waiting rows={6} />}
      {answer !== null && !answer.labels && <NotAvailable answer={answer} part="labels" />}
      {bars.length > 0 && <Bars bars={isOpen.value ? bars : bars.slice(0, first)} />}
      {rest > 0 && (
        <button
          type="button"
          class="link-button"
          aria-expanded={isOpen.value}
          onClick={() => {
            isOpen.value = !isOpen.value;
          }}
        >
          {isOpen.value ? said.fewerLabels : said.moreLabels(rest)}
        </button>
      )}
    </section>
  );
}

export function SuperclassBars({ answer }: { readonly answer: Analysis | null }) {
  const said = words.value.panels;
  const superclass = answer?.superclass;
  const bars = Object.entries(superclass?.probabilities ?? {})
    .map(([name, probability]) => ({
      key: name,
      name: worded(words.value.clinical.superclasses, name),
      probability,
      threshold: null,
      shown: number(probability, 2),
      isPositive: superclass?.positive.includes(name) ?? false,
    }))
    .toSorted((one, other) => other.probability - one.probability);
  return (
    <section class="probabilities">
      <div class="panel-head">
        <h3>{said.superclasses}</h3>
      </div>
      {answer === null && <Waiting rows={5} />}
      {answer !== null && !superclass && <NotAvailable answer={answer} part="superclass" />}
      {bars.length > 0 && <Bars bars={bars} />}
    </section>
  );
}

function Bars({ bars }: { readonly bars: readonly Bar[] }) {
  return (
    <ul class="bars">
      {bars.map((bar) => (
        <li key={bar.key} class={bar.isPositive ? "bar-positive" : "bar-below"}>
          <span class="bar-name">{bar.name}</span>
          <span class="bar-track" aria-hidden="true">
            <span class="bar-fill" style={{ width: `${100 * bar.probability}%` }} />
            {bar.threshold !== null && (
              <span class="bar-threshold" style={{ left: `${100 * bar.threshold}%` }} />
            )}
          </span>
          <span class="bar-value">{bar.shown}</span>
        </li>
      ))}
    </ul>
  );
}
