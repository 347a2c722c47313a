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
import { watchRoute } from "./route";
import { startSounds } from "./sound";
import { Ward } from "./Ward";

const page = document.getElementById("page");
if (page !== null) {
  effect(() => {
    document.title = wardWords.value.title;
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
}
