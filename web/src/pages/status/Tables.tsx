/** What is read as numbers: errors, processes, models, and the drift by week. */
import type { ComponentChildren } from "preact";
import { number, words } from "../../i18n";
import { LEAST_COUNT, PSI_LIMIT, psi, SUBJECTS } from "./drift";
import type { Metrics } from "./metrics";
import { health, weeks } from "./sampling";

export function Errors({ metrics }: { metrics: Metrics }) {
  const { status } = words.value;
  const samples = metrics.get("ecg_requests_total") ?? [];
  const errors = samples.filter(({ labels, value }) => labels.code !== "" && value > 0);
  const rows = [...errors].sort((one, other) => other.value - one.value);
  return (
    <Card title={status.errors}>
      {rows.length === 0 ? (
        <p class="small">{status.noErrors}</p>
      ) : (
        <table>
          <Head columns={[status.code, status.route, status.count]} />
          <tbody>
            {rows.map(({ labels, value }) => (
              <tr key={`${labels.code} ${labels.route} ${labels.status}`}>
                <th scope="row">
                  <a href={`./docs/errors#${labels.code}`}>{labels.code}</a>
                </th>
                <td>{labels.route}</td>
                <td>{number(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

export function Processes() {
  const { status } = words.value;
  const known = health.value;
  if (known === null || !("workers" in known)) return null;
  return (
    <Card title={status.workers}>
      <table>
        <Head columns={[status.stage, status.alive, status.restarts]} />
        <tbody>
          {Object.entries(known.workers).map(([stage, { alive, expected, restarts }]) => (
            <tr key={stage} class={alive < expected ? "bad" : undefined}>
              <th scope="row">{stage}</th>
              <td>
                {number(alive)} / {number(expected)}
              </td>
              <td>{number(restarts)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}

export function Models() {
  const { status } = words.value;
  const known = health.value;
  if (known === null || !("model" in known)) return null;
  const { encoders, heads } = known.model;
  return (
    <Card title={status.models}>
      {encoders.length === 0 && <p class="small">{status.noModels}</p>}
      {encoders.length > 0 && (
        <table>
          <Head columns={[status.role, status.model, status.device]} />
          <tbody>
            {encoders.map((encoder) => (
              <tr key={encoder.role}>
                <th scope="row">{encoder.role}</th>
                <td>
                  {encoder.name} <code>{encoder.revision ?? encoder.sha256?.slice(0, 12)}</code>
                </td>
                <td>
                  {encoder.device} {encoder.dtype}, {encoder.ready ? status.ready : status.notReady}
                </td>
              </tr>
            ))}
            {heads.map((head) => (
              <tr key={head.name}>
                <th scope="row">head</th>
                <td>
                  {head.name} <code>{head.version}</code>
                </td>
                <td />
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}

export function Drift() {
  const { status } = words.value;
  const known = weeks.value;
  const names = known === null ? [] : Object.keys(known.byWeek).sort();
  const reference = names[0];
  if (known === null || reference === undefined) return null;
  return (
    <Card title={status.drift} wide>
      <table>
        <Head columns={[status.week, ...SUBJECTS.map((subject) => status.subjects[subject])]} />
        <tbody>
          {names.map((week) => (
            <tr key={week}>
              <th scope="row">{week}</th>
              {SUBJECTS.map((subject) => (
                <td key={subject}>
                  {week === reference ? (
                    status.reference
                  ) : (
                    <Index
                      value={psi(
                        known.byWeek[reference]?.[subject] ?? {},
                        known.byWeek[week]?.[subject] ?? {},
                      )}
                    />
                  )}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      <p class="small">{status.driftHint(number(PSI_LIMIT, 2), reference, number(LEAST_COUNT))}</p>
    </Card>
  );
}

function Index({ value }: { value: number | null }) {
  const isAbove = value !== null && value > PSI_LIMIT;
  return (
    <>
      {number(value, 2)}
      {isAbove && <strong> {words.value.status.above}</strong>}
    </>
  );
}

function Card(props: { title: string; wide?: boolean; children: ComponentChildren }) {
  return (
    <section class={props.wide === true ? "table-card wide" : "table-card"}>
      <h2>{props.title}</h2>
      {props.children}
    </section>
  );
}

function Head({ columns }: { columns: readonly string[] }) {
  return (
    <thead>
      <tr>
        {columns.map((column) => (
          <th key={column} scope="col">
            {column}
          </th>
        ))}
      </tr>
    </thead>
  );
}
