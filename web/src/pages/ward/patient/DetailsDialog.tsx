/** The details of a patient, to be changed. The station says what is wrong with them. */
import { useState } from "preact/hooks";
import { Problem } from "../../../api/problem";
import { words } from "../../../i18n";
import { wardWords } from "../../../i18n/ward";
import { changePerson, type Details, type Person } from "../../../station/api";
import { Dialog } from "../../../ui/Dialog";
import { bedName, openDialog, persons } from "../state";

const MOST_NOTES = 2000;
const SEXES = ["female", "male", "other", "unknown"] as const;
const NUMBERS = ["birth_year", "rate_low", "rate_high"] as const;

type Typed = Record<(typeof NUMBERS)[number] | "sex" | "notes", string>;

export function DetailsDialog({ person }: { readonly person: Person }) {
  const texts = wardWords.value.patient.details;
  const [typed, setTyped] = useState<Typed>(() => ({
    sex: person.sex,
    notes: person.notes,
    birth_year: String(person.birth_year ?? ""),
    rate_low: String(person.rate_low ?? ""),
    rate_high: String(person.rate_high ?? ""),
  }));
  const [problem, setProblem] = useState<string | null>(null);
  const close = () => {
    openDialog.value = null;
  };
  const type = (name: keyof Typed) => (event: { currentTarget: { value: string } }) =>
    setTyped({ ...typed, [name]: event.currentTarget.value });
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const changed = await changePerson(person.name, changesOf(person, typed));
      // The bed is not one of the details.
      persons.value = new Map(persons.value).set(person.name, { ...person, ...changed });
      close();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      setProblem(error instanceof Problem ? error.detail : words.value.states.offlineTitle);
    }
  };
  const labels = { birth_year: texts.born, rate_low: texts.rateLow, rate_high: texts.rateHigh };
  return (
    <Dialog title={texts.title(bedName(person.name))} onClose={close}>
      <form class="note" onSubmit={(event) => void save(event)}>
        <div class="field">
          <label for="details-sex">{texts.sex}</label>
          <select id="details-sex" value={typed.sex} onChange={type("sex")}>
            {SEXES.map((sex) => (
              <option key={sex} value={sex}>
                {texts.sexes[sex]}
              </option>
            ))}
          </select>
        </div>
        {NUMBERS.map((name) => (
          <div class="field" key={name}>
            <label for={`details-${name}`}>{labels[name]}</label>
            <input
              id={`details-${name}`}
              inputMode="numeric"
              pattern="[0-9]*"
              value={typed[name]}
              aria-describedby={name === "birth_year" ? undefined : "details-limits"}
              onInput={type(name)}
            />
          </div>
        ))}
        <p id="details-limits" class="small">
          {texts.limitsHint}
        </p>
        <div class="field">
          <label for="details-notes">{texts.notes}</label>
          <textarea
            id="details-notes"
            rows={4}
            maxLength={MOST_NOTES}
            value={typed.notes}
            onInput={type("notes")}
          />
        </div>
        {problem !== null && (
          <p class="refused" role="alert">
            {texts.failed}: {problem}
          </p>
        )}
        <div class="row">
          <button type="submit" class="button primary">
            {texts.save}
          </button>
          <button type="button" class="button" onClick={close}>
            {words.value.app.cancel}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Return what differs, so that another person's change of something else stays. */
function changesOf(person: Person, typed: Typed): Partial<Details> {
  const changes: Record<string, string | number | null> = {};
  if (typed.sex !== person.sex) changes.sex = typed.sex;
  if (typed.notes !== person.notes) changes.notes = typed.notes;
  for (const name of NUMBERS) {
    const value = typed[name].trim() === "" ? null : Number(typed[name]);
    if (value !== person[name]) changes[name] = value;
  }
  return changes as Partial<Details>;
}
