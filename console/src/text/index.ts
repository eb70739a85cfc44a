// Every text of the console stands in one catalogue per language; a key that one lacks does not compile.
import { en } from "./en.ts";

export type Catalogue = typeof en;

/** The languages that there are, each by its own name. */
export const languages = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof languages;
const KEY = "callfloor.language";

function chosen(): Language {
  // the tests of pure parts have no page
  const kept = typeof localStorage === "undefined" ? null : localStorage.getItem(KEY);
  const wanted = [...(kept === null ? [] : [kept]), ...navigator.languages].map((each) => each.slice(0, 2).toLowerCase());
  return (wanted.find((each) => each in languages) ?? "en") as Language;
}

/** As the person chose it, else as the browser has it. */
export const language: Language = chosen();

export const m: Catalogue = language === "de" ? (await import("./de.ts")).de : en;
/** Dates and numbers as the person's browser has them, in the language of the texts. */
export const locale = navigator.languages.find((each) => each.startsWith(language)) ?? language;

/** Choose a language for this browser; the page is loaded again in it. */
export function speak(wanted: Language): void {
  localStorage.setItem(KEY, wanted);
  location.reload();
}
