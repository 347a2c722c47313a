/** The electrodes from the front. A bad lead is shown at its electrodes, with what helps. */
import type { Analysis } from "../../api/answer";
import { words } from "../../i18n";
import "./ElectrodeFigure.css";
import { NotAvailable, Waiting } from "../Missing";
import { type ElectrodeState, electrodeStates } from "./electrodeStates";
import { ELECTRODES, type Electrode } from "./electrodes";
import { adviceOf, type Fault, faultsOf, faultText } from "./qualityRows";

/** Centre of the electrode, and of its name, seen from the front: the right arm is at the left. */
const PLACES: Readonly<Record<Electrode, readonly [number, number, number, number]>> = {
  RA: [24, 26, 6, 30],
  LA: [136, 26, 154, 30],
  RL: [50, 178, 33, 182],
  LL: [110, 178, 127, 182],
  V1: [69, 82, 54, 86],
  V2: [91, 82, 107, 86],
  V3: [99, 101, 84, 109],
  V4: [109, 119, 109, 138],
  V5: [127, 122, 127, 110],
  V6: [146, 122, 150, 141],
};
const TORSO =
  "M66 0C66 8 58 11 44 13C24 16 14 22 12 40C14 66 26 92 24 122C22 150 20 172 20 196H140C140 172 138 150 136 122C134 92 146 66 148 40C146 22 136 16 116 13C102 11 94 8 94 0";
/** Faults that stand beside the figure; the list of findings has all. */
const MOST_FAULTS = 3;

export function ElectrodeFigure({ answer }: { readonly answer: Analysis | null }) {
  const said = words.value.panels;
  if (answer === null) return <Waiting rows={3} />;
  const quality = answer.quality;
  if (!quality) return <NotAvailable answer={answer} part="quality" />;
  const states = electrodeStates(quality);
  const faults = faultsOf(quality);
  const named = ELECTRODES.map((name) => `${name} ${stateWord(states.get(name) ?? "absent")}`);
  return (
    <figure class={faults.length > 0 ? "electrodes electrodes-faulty" : "electrodes"}>
      <svg viewBox="0 0 160 196" role="img" aria-label={named.join(", ")}>
        <path class="torso" d={TORSO} />
        <path class="breastbone" d="M80 38V98" />
        {ELECTRODES.map((name) => (
          <Mark key={name} name={name} state={states.get(name) ?? "absent"} />
        ))}
      </svg>
      {faults.length > 0 && (
        <figcaption>
          <ul>
            {faults.slice(0, MOST_FAULTS).map((fault) => (
              <FaultItem key={faultText(fault)} fault={fault} />
            ))}
          </ul>
          {faults.length > MOST_FAULTS && <p>{said.moreFaults(faults.length - MOST_FAULTS)}</p>}
        </figcaption>
      )}
    </figure>
  );
}

function FaultItem({ fault }: { readonly fault: Fault }) {
  const advice = adviceOf(fault);
  return (
    <li>
      <strong>{faultText(fault)}</strong>
      <span lang={advice.lang}>{advice.text}</span>
    </li>
  );
}

function Mark({ name, state }: { readonly name: Electrode; readonly state: ElectrodeState }) {
  const [x, y, nameX, nameY] = PLACES[name];
  return (
    <g class={`electrode electrode-${state}`}>
      {state === "check" ? (
        <>
          <rect class="electrode-frame" x={x - 9.5} y={y - 9.5} width="19" height="19" rx="3" />
          <rect class="electrode-fill" x={x - 7} y={y - 7} width="14" height="14" rx="2" />
          <path class="electrode-bar" d={`M${x - 3.5} ${y}h7`} />
        </>
      ) : (
        <>
          <circle class="electrode-ring" cx={x} cy={y} r="5.6" />
          {state === "good" && <circle class="electrode-dot" cx={x} cy={y} r="1.8" />}
        </>
      )}
      <text x={nameX} y={nameY}>
        {name}
      </text>
    </g>
  );
}

function stateWord(state: ElectrodeState): string {
  const said = words.value.panels;
  if (state === "good") return said.electrodeGood;
  return state === "check" ? said.electrodeBad : said.notRecorded.toLowerCase();
}
