// Every text of the console stands in one catalogue per language; a key that one lacks does not compile.
import { en } from "./en.ts";

export type Catalogue = typeof en;

export const m: Catalogue = en;
/** Dates and numbers as the person's browser has them. */
export const locale = navigator.language;
