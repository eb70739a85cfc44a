// What an activity says, whatever it is: pure.
import type { Platform } from "../../api/client.ts";
import { phone } from "../../text/phones.ts";

export type Activity =
  | Platform["InboundActivity"]
  | Platform["OutboundActivity"]
  | Platform["ManualActivity"]
  | Platform["InboundEmailActivity"]
  | Platform["OutboundEmailActivity"];

export function customer(activity: Activity): string {
  switch (activity.type) {
    case "call.inbound":
      return phone(activity.data.source);
    case "call.outbound":
    case "call.manual":
      return phone(activity.data.phoneNumber);
    case "email.inbound":
      return activity.data.from ?? "–";
    case "email.outbound":
      return activity.data.to ?? "–";
  }
}

/** Seconds that people talked; undefined of what is no call. */
export function talked(activity: Activity): number | undefined {
  return "durations" in activity.data ? (activity.data.durations.talk ?? undefined) : undefined;
}

export type Step = "created" | "joinQueue" | "answered" | "hangUp" | "wrapUp";
const STEPS: readonly Step[] = ["created", "joinQueue", "answered", "hangUp", "wrapUp"];

/** What happened and when, in its order. */
export function steps(activity: Activity): { step: Step; at: string }[] {
  const times = activity.data.timestamps as Partial<Record<Step, string | null>>;
  return STEPS.flatMap((step) => {
    const at = times[step];
    return at ? [{ step, at }] : [];
  });
}

export function leadOf(activity: Activity): number | undefined {
  return "leadId" in activity.data ? (activity.data.leadId ?? undefined) : undefined;
}
