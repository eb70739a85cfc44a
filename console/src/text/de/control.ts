import type { control as english } from "../en/control.ts";

const lines = (n: number): string => `${n} ${n === 1 ? "Leitung" : "Leitungen"}`;

/** Kampagnen, während sie laufen. */
export const control: typeof english = {
  campaignIsOn: "Die Kampagne läuft",
  campaignIsOff: "Die Kampagne steht",
  campaignActions: {
    start: { title: "Die Kampagne starten?", button: "Starten" },
    stop: { title: "Anhalten, Gespräche zu Ende führen?", button: "Anhalten, Gespräche zu Ende führen" },
    stopAtOnce: { title: "Sofort anhalten?", button: "Sofort anhalten" },
  },
  campaignTouches: {
    start: "Ab sofort wird gewählt, oder werden Anrufer angenommen, innerhalb der Zeiten und unter der Grenze für verlorene Anrufe.",
    stop: (ringing, waiting) =>
      `Niemand Neues wird angerufen und kein neuer Anrufer angenommen. ${lines(ringing)}, bei denen es klingelt, und ${waiting} Wartende gehen zu Ende.`,
    stopAtOnce: (letGo) => `${lines(letGo)}, bei denen es klingelt, und Wartende werden freigegeben.`,
    talking: (n) => (n === 1 ? "Ein laufendes Gespräch geht weiter." : `${n} laufende Gespräche gehen weiter.`),
  },
  fromAppliedFile: "Eine Center-Datei, die später in Kraft gesetzt wird, kann es neu festlegen.",
  weightsSaved: "Die Gewichte gelten für Anrufe ab jetzt",
  weightOf: (list) => `Gewicht von ${list}`,
  isDialled: (list) => `${list} wählen`,
  saveWeights: "Gewichte speichern",
  weightsUnchanged: "Nichts ist geändert",
  weightsHint: "Eine Liste mit Gewicht 2 bekommt doppelt so viele Anrufe wie eine mit Gewicht 1.",
};
