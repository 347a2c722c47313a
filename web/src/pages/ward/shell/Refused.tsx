/** The station refuses: it asks for a key, or says why else. */
import { apiKey } from "../../../api/key";
import type { Problem } from "../../../api/problem";
import { wardWords } from "../../../i18n/ward";
import { KeyForm } from "../../../ui/KeyForm";
import { board } from "../board/the_board";
import { startFeed } from "../feed";
import { readAgain } from "../patient/reading";

function beginAnew(): void {
  startFeed(board);
  readAgain();
}

export function Refused({ problem }: { readonly problem: Problem }) {
  const words = wardWords.value;
  return (
    <main class="ward-refused">
      {problem.needsKey ? (
        <>
          <h1>{words.key.title}</h1>
          <KeyForm wasRefused={apiKey.value !== null} onGiven={beginAnew} />
        </>
      ) : (
        <>
          <h1>{problem.title}</h1>
          <p>{problem.detail}</p>
          <p class="small">
            {problem.status} {problem.code} {problem.requestId}
          </p>
          <button type="button" class="button primary" onClick={beginAnew}>
            {words.tryNow}
          </button>
        </>
      )}
    </main>
  );
}
