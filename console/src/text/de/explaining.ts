import type { explaining as Original } from "../en/explaining.ts";

export const explaining: typeof Original = {
  explaining: {
    title: "Warum nicht mehr Anrufe?",
    nothing: "Nichts hält sie auf: Sie wählt.",
    rule: (name) => `(Regel: ${name})`,
    ruleHead: "Regel",
    why: "Was Kontakte ausschließt",
    keptOut: (dialable, all) => `${dialable} von ${all} Kontakten dürfen jetzt angerufen werden.`,
    sample: (judged) => `Aus ${judged} beurteilten.`,
    opens: (leads, when) => `${leads} weitere dürfen ab ${when} angerufen werden.`,
    idleTitle: "Warum ist kein Anruf da?",
    noCampaigns: "Der Agent arbeitet für keine Kampagne.",
    nobodyWaits: "Niemand wartet.",
    othersFirst: (n) => `${n} warten, für die ein anderer Agent oder andere Fähigkeiten zuerst kommen.`,
  },
};
