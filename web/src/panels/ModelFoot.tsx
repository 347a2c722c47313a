/** Which model spoke, by which version of rules and measurement, and how long it took. */
import type { Analysis } from "../api/answer";
import { number, words } from "../i18n";
import "./ModelFoot.css";

export function ModelFoot({ answer }: { readonly answer: Analysis }) {
  const said = words.value.panels;
  const { model } = answer;
  const named = [
    [said.models.labels, model.labels],
    [said.models.superclass, model.superclass],
    [said.models.pacemaker, model.pacemaker],
  ] as const;
  const all = named.flatMap(([role, name]) => (name === null ? [] : `${role}: ${name}`));
  const device = [model.dtype, model.device].filter(Boolean).join(", ");
  return (
    <p class="model-foot" title={[...all, device].filter(Boolean).join("\n")}>
      <span>{model.labels === null ? said.notAvailable : said.modelFoot(model.labels)}</span>
      <span>{said.rulesFoot(answer.version)}</span>
      <span>{number(answer.processing_time * 1000)} ms</span>
    </p>
  );
}
