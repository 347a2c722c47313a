/** The row of tools over the paper: how it is drawn, and what a drag does. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { FILTERS, NOTCHES } from "../ecg/filter";
import { GROUPS, PAPER_LAYOUTS, type PaperLayout, paperLayoutOf } from "../ecg/layout";
import { number, words } from "../i18n";
import { Icon, type IconName } from "../ui/icons";
import { Menu, type MenuItem } from "../ui/Menu";
import { type Display, type FilterName, GAINS, type MainsNotch, SPEEDS, type Tool } from "./props";
import { LeadsPanel } from "./tools/LeadsPanel";
import "./tools/tools.css";

export interface PaperToolsProps {
  readonly display: Display;
  readonly onDisplay: (display: Display) => void;
  readonly tool: Tool;
  readonly onTool: (tool: Tool) => void;
  readonly leadNames: readonly string[];
  /** Whether keys of a single character act: their hints are shown then. */
  readonly singleKeys?: boolean;
}

export function PaperTools(props: PaperToolsProps) {
  const { display, onDisplay } = props;
  const { paper } = words.value;
  const change = (changes: Partial<Display>) => onDisplay({ ...display, ...changes });
  const [isOpen, open] = useState(false);
  const group = GROUPS.find((name) => name === display.layout) ?? "limb";
  return (
    <div class="paper-tools-area">
      <div
        class={isOpen ? "paper-tools open" : "paper-tools"}
        role="toolbar"
        aria-label={paper.tools}
      >
        <Choice
          class="layouts"
          label={paper.layout}
          options={PAPER_LAYOUTS}
          chosen={paperLayoutOf(display.layout)}
          face={(layout) => layoutWords(layout, display.rhythmLead)}
          onChoose={(layout) => change({ layout })}
        />
        <Choice
          class="groups"
          label={paper.layout}
          options={GROUPS}
          chosen={group}
          face={(name) => paper.groups[name]}
          onChoose={(layout) => change({ layout })}
        />
        <button
          type="button"
          class="button paper-more"
          aria-expanded={isOpen}
          onClick={() => open(!isOpen)}
        >
          {number(display.speed)} mm/s · {number(display.gain)} mm/mV
          <Icon name="down" />
        </button>
        <Choice
          label={paper.speed}
          options={SPEEDS}
          chosen={display.speed}
          face={(speed) => number(speed)}
          unit="mm/s"
          onChoose={(speed) => change({ speed })}
        />
        <Choice
          label={paper.gain}
          options={GAINS}
          chosen={display.gain}
          face={(gain) => number(gain)}
          unit="mm/mV"
          onChoose={(gain) => change({ gain })}
        />
        <Menu
          label={filterWords(display)}
          face={filterWords(display)}
          class={isFiltered(display) ? "button filled" : "button"}
          end="left"
          items={filterItems(display, change)}
        />
        <LeadsPanel display={display} onDisplay={onDisplay} leadNames={props.leadNames} />
        <div class="paper-drags">
          <ToolButton {...props} name="caliper" icon="caliper" hint="C" />
          <ToolButton {...props} name="march" icon="march" hint="M" />
          <ToolButton {...props} name="crop" icon="crop" hint="X" />
        </div>
      </div>
    </div>
  );
}

function layoutWords(layout: PaperLayout, rhythmLead: string): string {
  const names: Readonly<Record<PaperLayout, string>> = {
    "3x4": `3×4 + ${rhythmLead}`,
    "6x2": "6×2",
    "12x1": "12×1",
    cabrera: "Cabrera",
  };
  return names[layout];
}

interface ChoiceProps<T> {
  readonly class?: string;
  readonly label: string;
  readonly options: readonly T[];
  readonly chosen: T;
  readonly face: (option: T) => string;
  readonly unit?: string;
  readonly onChoose: (option: T) => void;
}

function Choice<T extends string | number>(props: ChoiceProps<T>) {
  return (
    <div class={`paper-choice ${props.class ?? ""}`}>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset can't be laid out in a row everywhere. */}
      <div class="segmented" role="group" aria-label={props.label}>
        {props.options.map((option) => (
          <button
            type="button"
            key={option}
            aria-pressed={option === props.chosen}
            onClick={() => props.onChoose(option)}
          >
            {props.face(option)}
          </button>
        ))}
      </div>
      {props.unit !== undefined && <small>{props.unit}</small>}
    </div>
  );
}

function isFiltered({ filter, notch }: Display): boolean {
  return filter !== "off" || notch !== "off";
}

function bandWords(filter: FilterName): string {
  const { paper } = words.value;
  if (filter === "off") return paper.off;
  const [low, high] = filter.split("-").map(Number);
  return `${number(low, 2)}–${number(high)} Hz`;
}

function notchWords(notch: MainsNotch): string {
  return notch === "off" ? words.value.paper.off : `${notch} Hz`;
}

function filterWords(display: Display): string {
  const { paper } = words.value;
  if (!isFiltered(display)) return paper.filterOff;
  const { filter, notch } = display;
  const on = [
    filter === "off" ? null : bandWords(filter),
    notch === "off" ? null : `${paper.notch} ${notchWords(notch)}`,
  ];
  return paper.filterOn(on.filter((each) => each !== null).join(", "));
}

function filterItems(display: Display, change: (changes: Partial<Display>) => void): MenuItem[] {
  const { paper } = words.value;
  const bands = FILTERS.map((filter, at) => ({
    label: bandWords(filter),
    heading: at === 0 ? paper.band : undefined,
    checked: filter === display.filter,
    run: () => change({ filter }),
  }));
  const notches = NOTCHES.map((notch, at) => ({
    label: notchWords(notch),
    heading: at === 0 ? paper.notch : undefined,
    checked: notch === display.notch,
    run: () => change({ notch }),
  }));
  return [...bands, ...notches];
}

interface ToolButtonProps extends PaperToolsProps {
  readonly name: Exclude<Tool, "pan">;
  readonly icon: IconName;
  readonly hint: string;
}

function ToolButton({ name, icon, hint, tool, onTool, singleKeys = true }: ToolButtonProps) {
  const isChosen = tool === name;
  const hidden: ComponentChildren = singleKeys && (
    <span aria-hidden="true">
      <kbd>{hint}</kbd>
    </span>
  );
  return (
    <button
      type="button"
      class="button"
      aria-pressed={isChosen}
      onClick={() => onTool(isChosen ? "pan" : name)}
    >
      <Icon name={icon} />
      {words.value.paper[name]}
      {hidden}
    </button>
  );
}
