/** Light, dark, or as the system says. The choice stays in this browser. */
import { computed, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";
export const THEMES: readonly Theme[] = ["system", "light", "dark"];
const STORED = "ecg-theme";

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
const systemTheme = signal<"light" | "dark">(systemIsDark.matches ? "dark" : "light");
systemIsDark.addEventListener("change", (event) => {
  systemTheme.value = event.matches ? "dark" : "light";
});

export const theme = signal<Theme>(storedTheme());
export const shownTheme = computed(() =>
  theme.value === "system" ? systemTheme.value : theme.value,
);
shownTheme.subscribe((shown) => {
  document.documentElement.dataset.theme = shown;
});

export function chooseTheme(chosen: Theme): void {
  theme.value = chosen;
  localStorage.setItem(STORED, chosen);
}

function storedTheme(): Theme {
  // A page may begin with a theme of its own: a ward is dark at night.
  const wished = localStorage.getItem(STORED) ?? document.documentElement.dataset.defaultTheme;
  return THEMES.find((each) => each === wished) ?? "system";
}

// Paper is white: what is printed has the light colours.
addEventListener("beforeprint", () => {
  document.documentElement.dataset.theme = "light";
});
addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = shownTheme.value;
});
