import { effect } from "@preact/signals";
import { render } from "preact";
import "../../ui/base.css";
import { words } from "../../i18n";
import { Status } from "./Status";
import { keepSampling } from "./sampling";

const page = document.getElementById("page");
if (page !== null) {
  effect(() => {
    document.title = words.value.status.title;
  });
  render(<Status openedAt={new Date()} />, page);
  keepSampling();
}
