/** A patient's page: the strip of now or of any moment, trends over hours, alarms, details. */
import { wardWords } from "../../../i18n/ward";
import { Icon } from "../../../ui/icons";
import { layout } from "../board/layout";
import { openDialog, patient, persons } from "../state";
import { Alarms } from "./Alarms";
import { DetailsDialog } from "./DetailsDialog";
import { isUnknown, isWhole, refused } from "./looking";
import { OtherBeds } from "./OtherBeds";
import { Strip } from "./Strip";
import { Trends } from "./Trends";
import { Who } from "./Who";
import "./patient.css";

export function Patient({ name }: { readonly name: string }) {
  const words = wardWords.value.patient;
  const problem = refused.value;
  if (isUnknown.value) {
    return (
      <main class="patient-unknown">
        <h2>{words.unknown}</h2>
        <p>{name}</p>
      </main>
    );
  }
  // On a phone what needs somebody comes before what was.
  const isPhone = layout.value.name === "phone";
  const person = persons.value.get(name);
  return (
    <main class={isWhole.value ? "patient whole" : "patient"}>
      <div class="patient-head">
        <OtherBeds name={name} />
        <Who name={name} />
        {problem !== null && (
          <p class="patient-refused" role="alert">
            <Icon name="critical" />
            {words.refused}: {problem.title}. {problem.detail}
          </p>
        )}
      </div>
      <Strip name={name} />
      {!isWhole.value && isPhone && <Alarms />}
      {!isWhole.value && <Trends name={name} />}
      {!isWhole.value && !isPhone && <Alarms />}
      {openDialog.value === "details" && patient.value === name && person !== undefined && (
        <DetailsDialog person={person} />
      )}
    </main>
  );
}
