import { render } from "preact";
import "../../ui/base.css";
import { Viewer } from "./Viewer";

const page = document.getElementById("page");
if (page !== null) render(<Viewer />, page);
