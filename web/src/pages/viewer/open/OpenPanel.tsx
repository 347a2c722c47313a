/** Every way to open a recording: drop, choose, paste, the examples, and what was closed before. */
import { useRef } from "preact/hooks";
import { number, words } from "../../../i18n";
import { Icon } from "../../../ui/icons";
import { KeyHint } from "../../../ui/KeyHint";
import { closeDialog, openDialog } from "../dialogs";
import { limits } from "../limits";
import { openRecording, recent } from "../state";
import { Examples } from "./Examples";
import { openFiles } from "./opening";
import "./open.css";

export function OpenPanel() {
  const { empty, open } = words.value;
  const input = useRef<HTMLInputElement>(null);
  const known = limits.value;
  return (
    <div class="open-panel">
      <div class="drop-zone">
        <Icon name="open" />
        <h2>{empty.drop}</h2>
        <p>
          {open.formats}. <a href="./docs/formats">{open.formatsLink}</a>
        </p>
        <input
          ref={input}
          type="file"
          multiple
          hidden
          onChange={(event) => {
            const { files } = event.currentTarget;
            if (files === null || files.length === 0) return;
            closeDialog();
            void openFiles([...files]);
            event.currentTarget.value = "";
          }}
        />
        <div class="row">
          <button type="button" class="button primary" onClick={() => input.current?.click()}>
            {empty.choose}
            <KeyHint of="o" />
          </button>
          <button type="button" class="button" onClick={() => (openDialog.value = "paste")}>
            <Icon name="paste" />
            {empty.paste}
          </button>
        </div>
        <p class="small">{open.several}</p>
        {known !== null && (
          <p class="small">{open.limits(number(known.megabytes), number(known.seconds / 60))}</p>
        )}
      </div>
      <Examples />
      {recent.value.length > 0 && <RecentList />}
      <p class="small">{empty.sent}</p>
    </div>
  );
}

function RecentList() {
  return (
    <section>
      <h3>{words.value.open.recent}</h3>
      <ul class="recent">
        {recent.value.map((each) => (
          <li key={each.upload}>
            <button
              type="button"
              class="button"
              onClick={() => {
                closeDialog();
                void openRecording(each.name, each.upload);
              }}
            >
              {each.name}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
