/** The bed board: the problem lane, then every bed in its place. */
import { useComputed } from "@preact/signals";
import { useRef } from "preact/hooks";
import { wardWords } from "../../../i18n/ward";
import { arranged } from "../../../station/order";
import { order, wantedOrder, watched } from "../state";
import { BedTile } from "./BedTile";
import { Lane } from "./Lane";
import { layout } from "./layout";
import { isReading } from "./reading";
import { Strips } from "./Strips";
import "./board.css";
import "./lane.css";
import "./alarm_colours.css";
import "./phone.css";

export function Board() {
  const words = wardWords.value;
  const beds = useBeds();
  const { columns } = layout.value;
  const perColumn = Math.max(1, Math.ceil(beds.length / columns));
  return (
    <>
      <Lane />
      <section class="beds" aria-label={words.board}>
        {watched.value !== null && beds.length === 0 && <Empty />}
        {Array.from({ length: columns }, (_, at) => (
          <Strips key={at} class="column" tracePx={1.8}>
            {beds.slice(at * perColumn, (at + 1) * perColumn).map((patient) => (
              <BedTile key={patient} patient={patient} />
            ))}
          </Strips>
        ))}
      </section>
    </>
  );
}

/** A bed keeps its place; in the order of alarms, it moves once nobody reads. */
function useBeds(): readonly string[] {
  const shown = useRef<readonly (string | null)[]>([]);
  return useComputed(() => {
    shown.current = arranged(shown.current, wantedOrder.value, {
      places: Number.POSITIVE_INFINITY,
      isRead: isReading.value && order.value === "alarms",
      breaksIn: () => false,
    });
    return shown.current.filter((patient) => patient !== null);
  }).value;
}

function Empty() {
  const words = wardWords.value;
  return (
    <div class="beds-empty">
      <h2>{words.bedsEmpty}</h2>
      <p>{words.bedsEmptyHint}</p>
    </div>
  );
}
