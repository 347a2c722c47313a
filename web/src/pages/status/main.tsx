import { render } from "preact";
import "../../ui/base.css";
import { words } from "../../i18n";

const page = document.getElementById("page");
if (page !== null) render(<footer>{words.value.app.researchUse}</footer>, page);
