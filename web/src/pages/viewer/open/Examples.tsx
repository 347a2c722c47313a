/** The server's synthetic recordings, each with a thumbnail of its own signal. */
import { effect, signal } from "@preact/signals";
import { getJson, getText } from "../../../api/client";
import { apiKey } from "../../../api/key";
import { Problem, Unreachable } from "../../../api/problem";
import { words } from "../../../i18n";
import { closeDialog } from "../dialogs";
import { openRecording } from "../state";
import { thumbnailPath } from "./thumbnail";

interface Example {
  readonly name: string;
  readonly title: string;
  /** The record as the server sent it: it is sent back unchanged. */
  readonly text: string;
  readonly path: string;
}

const WIDTH = 120;
const HEIGHT = 36;
const SECONDS = 4;

const examples = signal<readonly Example[] | "none" | null>(null);

/** Read them once; again after a key was given. */
async function readExamples(): Promise<void> {
  try {
    const { examples: listed } = await getJson<{
      examples: readonly { name: string; title: string }[];
    }>("examples");
    examples.value = await Promise.all(
      listed.map(async ({ name, title }) => {
        const text = await getText(`examples/${name}`);
        return { name, title, text, path: thumbnailPath(JSON.parse(text), WIDTH, HEIGHT, SECONDS) };
      }),
    );
  } catch (error) {
    // The page opens files without them.
    if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
    examples.value = "none";
  }
}

export function watchExamples(): void {
  effect(() => {
    void apiKey.value;
    void readExamples();
  });
}

export function Examples() {
  const { empty, open } = words.value;
  const shown = examples.value;
  if (shown === "none") return null;
  return (
    <section class="examples">
      <h3>{empty.examples}</h3>
      <ul aria-busy={shown === null}>
        {shown?.map(({ name, title, text, path }) => {
          const label = open.example[name] ?? title;
          return (
            <li key={name}>
              <button
                type="button"
                class="card"
                onClick={() => {
                  closeDialog();
                  void openRecording(label, { kind: "json", text });
                }}
              >
                <span>{label}</span>
                <svg
                  viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
                  preserveAspectRatio="none"
                  aria-hidden="true"
                >
                  <path d={path} />
                </svg>
              </button>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
