import { admin, got, workspace, type Admin, type Workspace } from "../../api/client.ts";
import { m } from "../../text/index.ts";
import { count, duration, percent } from "../../text/times.ts";

export type Kind = Workspace["Alert"]["kind"];
export type Unit = keyof typeof m.alerting.threshold;
/** What an alert says of itself, on the floor and in lists. */
export interface Said {
  kind: Kind;
  about: string;
  value: number | null;
  threshold: number | null;
}

interface About {
  unit: Unit;
  /** Where no threshold is given. */
  usual?: number;
  /** Which campaigns it can be of; none: of the whole organisation. */
  of: readonly ("inbound" | "outbound")[];
}
/** As in `callfloor/rules/alerting/conditions.py`. */
export const KINDS: Record<Kind, About> = {
  "longest-wait": { unit: "seconds", usual: 120, of: ["inbound"] },
  "callers-waiting": { unit: "count", usual: 10, of: ["inbound"] },
  "service-level": { unit: "share", usual: 0.8, of: ["inbound"] },
  "agents-ready": { unit: "count", usual: 0, of: ["inbound", "outbound"] },
  "abandonment-rate": { unit: "share", usual: 0.03, of: ["outbound"] },
  "cap-binds": { unit: "minutes", usual: 30, of: ["outbound"] },
  "leads-run-out": { unit: "minutes", usual: 60, of: ["outbound"] },
  "not-led": { unit: "none", of: ["inbound", "outbound"] },
  "node-down": { unit: "none", of: [] },
  "jobs-failed": { unit: "count", usual: 1, of: [] },
  destinations: { unit: "none", of: [] },
};

export function figure(kind: Kind, value: number | null): string {
  if (value === null) return "–";
  switch (KINDS[kind].unit) {
    case "share":
      return percent(value);
    case "minutes":
      return m.alerting.minutes(Math.round(value));
    case "seconds":
      return duration(value);
    default:
      return count(value);
  }
}

/** One sentence. */
export function sentence(alert: Said): string {
  if (alert.kind !== "destinations") return m.alerting.says[alert.kind](alert.about, figure(alert.kind, alert.value));
  const [what, reason] = alert.about.split(" ");
  const say = m.alarmKinds[what as keyof typeof m.alarmKinds];
  return say(m.alarmReasons[reason as keyof typeof m.alarmReasons]);
}

const at = (alertId: number) => ({ params: { path: { alertId } } });
/** Raise `Problem`. */
export const acknowledge = (alertId: number) => got(workspace.POST("/alerts/{alertId}/acknowledgement", at(alertId)));
export const silence = (alertId: number, minutes: number) =>
  got(workspace.POST("/alerts/{alertId}/silence", { ...at(alertId), body: { minutes } }));
export const rules = async (): Promise<Admin["AlertRule"][]> => (await got(admin.GET("/alerts"))).items;
