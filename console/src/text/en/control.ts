const lines = (n: number): string => `${n} ${n === 1 ? "line" : "lines"}`;

/** Campaigns while they run. */
export const control = {
  campaignIsOn: "The campaign is on",
  campaignIsOff: "The campaign is off",
  campaignActions: {
    start: { title: "Start the campaign?", button: "Start" },
    stop: { title: "Stop, and let calls finish?", button: "Stop, let calls finish" },
    stopAtOnce: { title: "Stop at once?", button: "Stop at once" },
  },
  campaignTouches: {
    start: "It dials, or takes callers, from now on, within its hours and under its abandonment limit.",
    stop: (ringing: number, waiting: number) =>
      `Nobody new is dialled and no new caller is taken. ${lines(ringing)} that ring and ${waiting} who wait go on to their end.`,
    stopAtOnce: (letGo: number) => `${lines(letGo)} that ring, and callers who wait, are let go.`,
    talking: (n: number) => (n === 1 ? "One customer who is talked to goes on." : `${n} customers who are talked to go on.`),
  },
  fromAppliedFile: "A centre file that is applied later may set it anew.",
  weightsSaved: "The weights hold for calls that are placed from now on",
  weightOf: (list: string) => `Weight of ${list}`,
  isDialled: (list: string) => `Dial ${list}`,
  saveWeights: "Save weights",
  weightsUnchanged: "Nothing is changed",
  weightsHint: "A list of weight 2 gets twice the calls of one of weight 1.",
};
