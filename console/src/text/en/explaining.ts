/** Why something is not done. */
export const explaining = {
  explaining: {
    title: "Why not more calls?",
    nothing: "Nothing holds it up: it dials.",
    rule: (name: string) => `(rule: ${name})`,
    ruleHead: "Rule",
    why: "What keeps leads out",
    keptOut: (dialable: string, all: string) => `${dialable} of ${all} leads may be dialled now.`,
    sample: (judged: string) => `Out of ${judged} that were judged.`,
    opens: (leads: string, when: string) => `${leads} more may be dialled from ${when} on.`,
    idleTitle: "Why is there no call?",
    noCampaigns: "The agent works for no campaign.",
    nobodyWaits: "nobody waits.",
    othersFirst: (n: number) => `${n} wait, for whom another agent, or other skills, come first.`,
  },
};
