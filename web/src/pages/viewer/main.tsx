import { effect } from "@preact/signals";
import { render } from "preact";
import "../../ui/base.css";
import { watchConnection } from "../../api/connection";
import { words } from "../../i18n";
import { announceStates } from "./announcing";
import { listenForKeys } from "./keys/listen";
import { readLimits } from "./limits";
import { watchExamples } from "./open/Examples";
import { listenForRecordings } from "./open/opening";
import { Viewer } from "./Viewer";

const page = document.getElementById("page");
if (page !== null) {
  effect(() => {
    document.title = words.value.app.title;
  });
  render(<Viewer />, page);
  listenForRecordings(() => words.value.open.pasted);
  listenForKeys();
  announceStates();
  watchConnection();
  watchExamples();
  void readLimits();
}
