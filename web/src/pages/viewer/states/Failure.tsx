/** Why a recording was not read: the server's own words, and one way on. */

import { apiKey } from "../../../api/key";
import { Problem, Unreachable } from "../../../api/problem";
import { number, words } from "../../../i18n";
import { Icon } from "../../../ui/icons";
import { KeyForm } from "../../../ui/KeyForm";
import { openDialog } from "../dialogs";
import { reloadWithKey } from "../shell/KeyDialog";
import { loadTab, type Tab } from "../state";
import { Countdown } from "./Countdown";
import { MissingFields, missingIn } from "./MissingFields";
import "./states.css";

export function Failure({ tab, error }: { tab: Tab; error: Error }) {
  if (error instanceof Unreachable) return <NotSent />;
  if (!(error instanceof Problem)) return <Broken error={error} />;
  if (error.code === "unauthorized") {
    return (
      <section class="state">
        <h2>{words.value.key.title}</h2>
        <KeyForm wasRefused={apiKey.value !== null} onGiven={reloadWithKey} />
      </section>
    );
  }
  return <Refused tab={tab} problem={error} />;
}

function Refused({ tab, problem }: { tab: Tab; problem: Problem }) {
  const { states } = words.value;
  const files = tab.upload.kind === "files" ? tab.upload.files.map(({ name }) => name) : [tab.name];
  return (
    <section class="state" role="alert">
      <h2>
        <Icon name="critical" />
        <span lang="en">{problem.title}</span>
      </h2>
      <p class="detail" lang="en">
        {problem.detail}
      </p>
      {missingIn(problem).length > 0 && tab.upload.kind !== "record" && (
        <MissingFields tab={tab} problem={problem} />
      )}
      <p class="origin">
        {files.join(", ")}
        <br />
        {problem.status} {problem.code}
        {problem.requestId !== null && (
          <>
            <br />
            {states.request} {problem.requestId}
          </>
        )}
      </p>
      <WayOn tab={tab} problem={problem} />
    </section>
  );
}

function WayOn({ tab, problem }: { tab: Tab; problem: Problem }) {
  const { states } = words.value;
  const again = () => void loadTab(tab.id);
  if (problem.retryAfterS !== null) {
    const at = new Date(Date.now() + problem.retryAfterS * 1000);
    return (
      <div class="row">
        <button type="button" class="button primary" onClick={again}>
          {states.again}
        </button>
        <Countdown to={at} onZero={again}>
          {(seconds) => states.nextTry(number(seconds))}
        </Countdown>
      </div>
    );
  }
  return (
    <div class="row">
      <button type="button" class="button primary" onClick={() => (openDialog.value = "open")}>
        {states.openAnother}
      </button>
      <a class="button" href="./docs/formats">
        {states.whatIsRead}
      </a>
      {problem.status >= 500 && (
        <button type="button" class="button" onClick={again}>
          {states.again}
        </button>
      )}
    </div>
  );
}

function NotSent() {
  const { states } = words.value;
  return (
    <section class="state" role="alert">
      <h2>
        <Icon name="offline" />
        {states.offlineTitle}
      </h2>
      <p>{states.offlineDetail}</p>
    </section>
  );
}

function Broken({ error }: { error: Error }) {
  const { states } = words.value;
  return (
    <section class="state" role="alert">
      <h2>
        <Icon name="critical" />
        {states.broken}
      </h2>
      <p class="origin" lang="en">
        {error.message}
      </p>
      <button type="button" class="button primary" onClick={() => (openDialog.value = "open")}>
        {states.openAnother}
      </button>
    </section>
  );
}
