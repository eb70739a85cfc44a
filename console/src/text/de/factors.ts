import type { factors as english } from "../en/factors.ts";

/** Zweite Faktoren. */
export const factors: typeof english = {
  secondFactor: "Zweiter Faktor",
  secondFactors: "Zweite Faktoren",
  factorCode: "Code",
  factorCodeHint: "Die sechs Ziffern aus Ihrer Authentifizierungs-App oder ein Wiederherstellungscode.",
  factorCodeMissing: "Geben Sie den Code ein.",
  goOn: "Weiter",
  otherPerson: "Als jemand anderes anmelden",
  enrolNeeded: "Ihre Organisation verlangt einen zweiten Faktor: eine App auf Ihrem Telefon, die bei der Anmeldung einen Code zeigt. Richten Sie sie jetzt ein.",
  enrolStart: "Authentifizierungs-App einrichten",
  enrolSecret: "Geben Sie diesen Schlüssel in eine App wie Aegis, Google Authenticator oder 2FAS ein, als zeitbasierten Schlüssel:",
  enrolOpen: "In einer App auf diesem Gerät öffnen",
  enrolConfirm: "Geben Sie dann den Code ein, den sie zeigt",
  recoveryCodes: "Wiederherstellungscodes",
  recoveryCodesDetail: "Jeder meldet Sie einmal an, wenn die App verloren ist. Bewahren Sie sie getrennt vom Gerät auf; sie werden nur jetzt gezeigt.",
  codesKept: "Ich habe sie aufbewahrt",
  saveCodes: "Als Datei speichern",
  appSince: (when) => `Seit ${when} wird nach einer Authentifizierungs-App gefragt.`,
  codesLeft: (n) => (n === 1 ? "Ein Wiederherstellungscode ist übrig." : `${n} Wiederherstellungscodes sind übrig.`),
  noApp: "Es wird nur nach Ihrem Passwort gefragt. Mit einer Authentifizierungs-App nützt es niemandem, der es erfährt.",
  appDemanded: "Ihre Organisation verlangt sie.",
  removeApp: "App entfernen",
  renewCodes: "Neue Wiederherstellungscodes",
  appRemoved: "Die App ist entfernt",
  proofHint: "Wird noch einmal gefragt, weil sich Ihre Anmeldung ändert.",
};
