import { words } from "../../i18n";
import { LiveRegion } from "../../ui/announce";
import { viewport } from "../../ui/viewport";
import { CompareDialog } from "./CompareDialog";
import { openDialog } from "./dialogs";
import { ByHandDialog } from "./export/ByHandDialog";
import { HelpDialog } from "./keys/HelpDialog";
import { OpenDialog } from "./open/OpenDialog";
import { OpenPanel } from "./open/OpenPanel";
import { undecided } from "./open/opening";
import { PasteDialog } from "./open/PasteDialog";
import { UndecidedDialog } from "./open/UndecidedDialog";
import { RecordingView } from "./RecordingView";
import { Foot } from "./shell/Foot";
import { Head } from "./shell/Head";
import { KeyDialog } from "./shell/KeyDialog";
import { PhoneActions } from "./shell/PhoneActions";
import { PhoneBar } from "./shell/PhoneBar";
import { activeTab } from "./state";
import { OfflineBanner } from "./states/OfflineBanner";
import "./viewer.css";
import "./print.css";

export function Viewer() {
  const tab = activeTab.value;
  const isPhone = viewport.value === "phone";
  return (
    <div class="viewer">
      <a class="skip" href="#findings">
        {words.value.app.toFindings}
      </a>
      {isPhone ? <PhoneBar /> : <Head />}
      <OfflineBanner />
      <main>
        {tab === null ? (
          <div class="empty">
            <OpenPanel />
          </div>
        ) : (
          <RecordingView key={tab.id} tab={tab} />
        )}
      </main>
      <Foot />
      {isPhone && <PhoneActions />}
      <Dialogs />
      <LiveRegion />
    </div>
  );
}

function Dialogs() {
  const files = undecided.value;
  if (files !== null) return <UndecidedDialog files={files} />;
  switch (openDialog.value) {
    case "open":
      return <OpenDialog />;
    case "paste":
      return <PasteDialog />;
    case "key":
      return <KeyDialog />;
    case "compare":
      return <CompareDialog />;
    case "by-hand":
      return <ByHandDialog />;
    case "help":
      return <HelpDialog />;
    default:
      return null;
  }
}
