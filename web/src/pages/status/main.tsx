import { render } from "preact";
import "../../ui/base.css";
import { Status } from "./Status";
import { keepSampling } from "./sampling";

const page = document.getElementById("page");
if (page !== null) {
  render(<Status openedAt={new Date()} />, page);
  keepSampling();
}
