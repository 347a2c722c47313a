/** The operator's page: one word first, then what it rests on. */
import { apiKey } from "../../api/key";
import { clock, number, words } from "../../i18n";
import { Icon } from "../../ui/icons";
import { KeyForm } from "../../ui/KeyForm";
import { LanguageSwitch } from "../../ui/LanguageSwitch";
import { Menu } from "../../ui/Menu";
import { themeItems } from "../../ui/theme_items";
import { Charts } from "./Charts";
import { HealthLine } from "./HealthLine";
import { changes, health, metrics, refusal, sample } from "./sampling";
import { Drift, Errors, Models, Processes } from "./Tables";
import "./status.css";

export function Status({ openedAt }: { openedAt: Date }) {
  const { app, status } = words.value;
  return (
    <div class="status">
      <header class="status-head">
        <a class="logo" href="./" aria-label={status.viewer}>
          <Icon name="logo" />
        </a>
        <h1>{status.title}</h1>
        <LanguageSwitch />
        <Menu
          label={app.theme}
          class="bare"
          face={<Icon name={themeItems().icon} />}
          items={themeItems().items}
        />
      </header>
      <main>
        <HealthLine />
        {refusal.value?.needsKey === true && <AskKey />}
        {metrics.value !== null && (
          <>
            <Charts />
            <div class="tables">
              <Errors metrics={metrics.value} />
              <Processes />
              <Changes openedAt={openedAt} />
              <Models />
              <Drift />
            </div>
          </>
        )}
      </main>
      <footer class="status-foot">
        <strong>{app.researchUse}</strong>
        <nav>
          <a href="./">{status.viewer}</a>
          <a href="./docs">{app.documentation}</a>
        </nav>
        {health.value !== null && "version" in health.value && (
          <p>
            {status.version} {health.value.version}
          </p>
        )}
      </footer>
    </div>
  );
}

function AskKey() {
  const { status } = words.value;
  return (
    <section class="table-card ask-key">
      <h2>{status.operator}</h2>
      <KeyForm wasRefused={apiKey.value !== null} onGiven={() => void sample()} />
    </section>
  );
}

function Changes({ openedAt }: { openedAt: Date }) {
  const { status } = words.value;
  return (
    <section class="table-card">
      <h2>{status.changed}</h2>
      {changes.value.length === 0 ? (
        <p class="small">{status.unchanged(clock(openedAt))}</p>
      ) : (
        <ol>
          {changes.value.map(({ at, what, detail }) => (
            <li key={at}>
              <time>{clock(at)}</time>{" "}
              {what === "restart"
                ? status.changeRestart(detail)
                : status.changeStatus(status.word[detail as keyof typeof status.word] ?? detail)}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}

/** Seconds as days and hours, hours and minutes, or minutes. */
export function duration(seconds: number): string {
  const { days, hours, minutes } = words.value.status;
  const [d, h, min] = [seconds / 86_400, (seconds / 3600) % 24, (seconds / 60) % 60].map(
    Math.floor,
  );
  if ((d ?? 0) > 0) return `${days(number(d))} ${hours(number(h))}`;
  if ((h ?? 0) > 0) return `${hours(number(h))} ${minutes(number(min))}`;
  return minutes(number(min));
}
