import type { Call } from "../../desk/derive.ts";
import { m } from "../../text/index.ts";

/** What a call is doing, in a word or two. */
export function callState(call: Call): string {
  if (call.state === "ringing") return call.direction === "inbound" ? m.callStates.ringing : m.callStates.dialling;
  if (call.state === "wrap-up") return m.callStates.ended;
  if (call.consulting) return m.callStates.consulting;
  if (call.held) return m.callStates.held;
  if (call.muted) return m.callStates.muted;
  return m.callStates.connected;
}

/** The customer's name where the lead's fields say one. */
export function nameOf(fields: Record<string, unknown>): string | undefined {
  const lower = new Map(Object.entries(fields).map(([key, value]) => [key.toLowerCase().replace(/[^a-z]/g, ""), value]));
  const of = (key: string): string => {
    const value = lower.get(key);
    return typeof value === "string" ? value.trim() : "";
  };
  const name = [of("title"), of("firstname"), of("lastname")].filter(Boolean).join(" ");
  return name || of("fullname") || of("name") || of("contactname") || undefined;
}

/** A key of a lead's data as people read it: `lastOrderDate` → `Last order date`. */
export function fieldName(key: string): string {
  if (/\s/.test(key)) return key;
  const words = key.replace(/_/g, " ").replace(/([a-z\d])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function fieldText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? m.yes : m.no;
  return String(value);
}
