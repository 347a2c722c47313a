import { effect } from "@preact/signals";
import { render } from "preact";
import "../../ui/base.css";
import { watchConnection } from "../../api/connection";
import { wardWords } from "../../i18n/ward";
import { watchReading } from "./board/reading";
import { board } from "./board/the_board";
import { startClock, startFeed } from "./feed";
import { watchMarked } from "./keys/actions";
import { listenForKeys } from "./keys/listen";
import { startReading } from "./patient/reading";
import { watchRoute } from "./route";
import { startSounds } from "./sound";
import { bedName, patient } from "./state";
import { Ward } from "./Ward";

const page = document.getElementById("page");
if (page !== null) {
  effect(() => {
    const name = patient.value;
    const { title, bed } = wardWords.value;
    document.title = name === null ? title : `${bed(bedName(name))} – ${title}`;
  });
  watchRoute();
  render(<Ward />, page);
  listenForKeys();
  watchReading();
  watchMarked();
  watchConnection();
  startSounds();
  board.start();
  startClock(board);
  startFeed(board);
  startReading();
}
