import type { Reporting } from "../../api/client.ts";
import { m } from "../../text/index.ts";
import { count, duration, percent } from "../../text/times.ts";

export type Group = Reporting["Figures"]["groupBy"];
export type Interval = Reporting["Figures"]["interval"];
/** What a report asks for, but for its period. */
export type Asked = Pick<Reporting["SavedQuery"], "interval" | "groupBy" | "measures">;
export type Set = keyof typeof m.reportSets;

/** What each report shows; of these, what goes with its group. */
export const SETS: Record<Set, readonly string[]> = {
  outbound: ["attempts", "connects", "liveAnswers", "liveRate", "abandoned", "abandonmentRate", "averageConnectDelay", "conversions", "conversionRate", "callbacksMade", "callbacksKept", "listPenetration"],
  inbound: ["callsReceived", "handled", "serviceLevel", "averageWaitingTime", "longestWaitingTime", "callsAbandonedRate", "callsAbandonedBeforeThreshold", "callsAbandonedAfterThreshold", "callsAbandonedInWorkflow", "callsMissed", "callsOverflowed", "callsToVoicemail"],
  agents: ["signedIn", "occupancy", "utilisation", "idle", "paused", "handled", "averageHandlingTime", "talkTime", "holdTime", "wrapUpTime", "transfersIn", "transfersOut", "conversions", "conversionRate", "pausedByReason"],
  emails: ["emailsReceived", "emailsAnswered", "averageEmailResponseTime", "emailsWritten"],
};
export const GROUPS: Record<Set, readonly Group[]> = {
  outbound: ["none", "campaign", "list", "agent", "team", "wrapCode", "dialStatus", "number", "hourOfDay"],
  inbound: ["none", "queue", "number", "hourOfDay"],
  agents: ["none", "agent", "team", "hourOfDay"],
  emails: ["none", "campaign", "agent", "team", "hourOfDay"],
};
export const INTERVALS: readonly Interval[] = ["none", "quarter-hour", "hour", "day", "week", "month"];

type Measure = Reporting["MeasureInfo"];
type Value = Reporting["FigureRow"]["figures"][string];

/** The measures of a report that go with a group, in the report's order. Measures that the server has not are left out. */
export function measuresOf(known: readonly Measure[], set: Set, group: Group): Measure[] {
  return SETS[set].flatMap((name) => known.find((each) => each.name === name && each.groups.includes(group)) ?? []);
}

/** A number of a measure in words. */
export function inWords(measure: Pick<Measure, "unit">, value: number): string {
  if (measure.unit === "ratio") return percent(value);
  if (measure.unit === "seconds") return duration(value);
  if (measure.unit === "milliseconds") return `${count(Math.round(value))} ms`;
  return count(value);
}

/** What stands in a cell. A share of nothing is a dash. */
export function cell(measure: Measure, value: Value | undefined): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "number") return inWords(measure, value);
  return value.map((each) => `${each.reason ?? "–"} ${duration(each.seconds)}`).join(", ") || "–";
}

/** Where the calls are that a figure counts; undefined: there are none, or they cannot be listed. */
export function countedBy(measure: Measure, row: Reporting["FigureRow"]): string | undefined {
  const value = row.figures[measure.name];
  if (!measure.calls || row.callsTemplate === null || typeof value !== "number" || value === 0) return undefined;
  const query = row.callsTemplate.slice(row.callsTemplate.indexOf("?")).replace("{&measure}", `&measure=${measure.name}`);
  return `/reports/calls${query}`;
}

/** A day of a zone's calendar as `<input type="date">` has it, some days from today. */
export function day(fromToday: number, zone: string): string {
  // of Swedish only this way of writing a date is wanted
  const today = new Intl.DateTimeFormat("sv-SE", { timeZone: zone }).format(new Date());
  return later(today, fromToday);
}

/** The day so many days after another. */
export function later(date: string, days: number): string {
  const at = new Date(`${date}T00:00:00Z`);
  if (Number.isNaN(at.getTime())) return date;
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10);
}
