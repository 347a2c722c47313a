import { chooseLanguage, LANGUAGES, type Language, language, words } from "../i18n";

export function LanguageSwitch() {
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset cannot be a flex box everywhere
    <div class="segmented" role="group" aria-label={words.value.app.language}>
      {(Object.keys(LANGUAGES) as Language[]).map((each) => (
        <button
          type="button"
          key={each}
          lang={each}
          title={LANGUAGES[each].name}
          aria-pressed={language.value === each}
          onClick={() => chooseLanguage(each)}
        >
          {each.toUpperCase()}
        </button>
      ))}
    </div>
  );
}
