// What a wrap-up sends: pure, from what was typed.
import type { Workspace } from "../../api/client.ts";
import type { Draft } from "../../desk/drafts.ts";

/** The lead's field that holds what agents wrote about it. */
export const NOTE = "note";

/** The command that ends a wrap-up. Nothing that was not typed is sent, and a callback in the zone of this browser. */
export function wrapUpOf(draft: Draft, before: Record<string, unknown>): Workspace["WrapUp"] {
  const command: Workspace["WrapUp"] = { action: "wrapUp" };
  if (draft.wrapCode !== undefined) command.wrapCode = draft.wrapCode;
  if (draft.leadStatus !== undefined) command.leadStatus = draft.leadStatus;
  const data: Record<string, string> = {};
  for (const [key, value] of Object.entries(draft.fields)) {
    if (value !== String(before[key] ?? "")) data[key] = value;
  }
  if (draft.note.trim() !== "") data[NOTE] = draft.note.trim();
  if (Object.keys(data).length > 0) command.leadData = data;
  if (draft.callbackAt !== "") {
    command.callback = { timestamp: new Date(draft.callbackAt).toISOString(), own: draft.callbackOwn };
  }
  return command;
}

export interface Soon {
  key: "hour" | "threeHours" | "tomorrow" | "nextWeek";
  at: Date;
}

/** Times that people promise most. `now`: local. Mornings begin at ten. */
export function soon(now: Date): Soon[] {
  const later = (hours: number): Date => {
    const at = new Date(now.getTime() + hours * 3_600_000);
    at.setMinutes(at.getMinutes() < 30 ? 30 : 60, 0, 0);
    return at;
  };
  const morning = (days: number): Date => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, 10, 0);
  return [
    { key: "hour", at: later(0.5) },
    { key: "threeHours", at: later(2.5) },
    { key: "tomorrow", at: morning(1) },
    { key: "nextWeek", at: morning(7) },
  ];
}
