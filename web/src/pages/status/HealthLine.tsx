/** One word for the whole server, and the reasons where it is not the good one. */
import type { Health } from "../../api/answer";
import { number, words } from "../../i18n";
import { Icon, type IconName } from "../../ui/icons";
import { duration } from "./Status";
import { health, isReachable } from "./sampling";

type Word = Health["status"] | "unreachable" | "asked";

const ICONS: Readonly<Record<Word, IconName>> = {
  ok: "check",
  degraded: "alert",
  starting: "technical",
  draining: "technical",
  unreachable: "critical",
  asked: "technical",
};

export function HealthLine() {
  const { status } = words.value;
  const known = health.value;
  const word: Word = isReachable.value ? (known?.status ?? "asked") : "unreachable";
  const full = known !== null && "uptime_s" in known ? known : null;
  return (
    <section class={`health health-${word}`} role="status">
      <h2>
        <Icon name={ICONS[word]} />
        {status.word[word]}
      </h2>
      {full?.reasons.map((reason) => (
        <p key={reason} class="reason" lang="en">
          {reason}
        </p>
      ))}
      {full !== null && (
        <p>
          {status.uptime(duration(full.uptime_s))} ·{" "}
          {status.inFlight(number(full.in_flight), number(full.limit))}
        </p>
      )}
      {known !== null && full === null && <p>{status.short}</p>}
    </section>
  );
}
