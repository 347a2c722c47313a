import { outage } from "../../api/connection";
import { Announcements } from "./announcing";
import { Board } from "./board/Board";
import { layout } from "./board/layout";
import { Inbox } from "./inbox/Inbox";
import { NoteDialog } from "./inbox/NoteDialog";
import { TypedBed } from "./keys/digits";
import { WardKeys } from "./keys/WardKeys";
import { Patient } from "./patient/Patient";
import { Failure } from "./shell/Failure";
import { Foot } from "./shell/Foot";
import { Head } from "./shell/Head";
import { Offline } from "./shell/Offline";
import { Refused } from "./shell/Refused";
import { current, isInboxOpen, openDialog, patient, refusal } from "./state";
import "./ward.css";

export function Ward() {
  const problem = refusal.value;
  return (
    <div class={`ward ${layout.value.name} ${outage.value === null ? "" : "old"}`}>
      <Head />
      <Offline />
      <Failure />
      {problem === null ? <Content /> : <Refused problem={problem} />}
      <Foot />
      <TypedBed />
      <Announcements />
      {openDialog.value === "help" && <WardKeys />}
      {openDialog.value === "note" && current.value !== null && (
        <NoteDialog alarm={current.value.newest} />
      )}
    </div>
  );
}

function Content() {
  const name = patient.value;
  return name === null ? <BoardAndInbox /> : <Patient key={name} name={name} />;
}

function BoardAndInbox() {
  const { hasInbox } = layout.value;
  const shows = hasInbox || isInboxOpen.value;
  return (
    <main class="ward-content">
      {(hasInbox || !isInboxOpen.value) && (
        <div class="ward-board">
          <Board />
        </div>
      )}
      {shows && <Inbox />}
    </main>
  );
}
