// What was typed about a call, and how what two desks typed becomes one: pure.
import type { Workspace } from "../api/client.ts";
import { inputTime } from "../text/times.ts";

export interface Draft {
  wrapCode: number | undefined;
  leadStatus: number | undefined;
  note: string;
  /** Fields of the lead that were changed. */
  fields: Record<string, string>;
  /** Local date and time, as its input has it. */
  callbackAt: string;
  callbackOwn: boolean;
}

export function emptyDraft(): Draft {
  return { wrapCode: undefined, leadStatus: undefined, note: "", fields: {}, callbackAt: "", callbackOwn: true };
}

export function isSame(one: Draft, other: Draft): boolean {
  return JSON.stringify(ordered(one)) === JSON.stringify(ordered(other));
}

/** A draft as the server keeps it. */
export function kept(draft: Draft): Workspace["DraftToKeep"] {
  const body: Workspace["DraftToKeep"] = {};
  if (draft.note !== "") body.note = draft.note;
  if (Object.keys(draft.fields).length > 0) body.leadData = draft.fields as Record<string, never>;
  if (draft.wrapCode !== undefined) body.wrapCode = draft.wrapCode;
  if (draft.leadStatus !== undefined) body.leadStatus = draft.leadStatus;
  if (draft.callbackAt !== "") {
    body.callback = { timestamp: new Date(draft.callbackAt).toISOString(), own: draft.callbackOwn };
  }
  return body;
}

/** What the server kept, as a draft. */
export function typed(stored: Workspace["DraftToKeep"]): Draft {
  const fields = Object.entries(stored.leadData ?? {}).map(([key, value]) => [key, String(value ?? "")] as const);
  return {
    wrapCode: stored.wrapCode ?? undefined,
    leadStatus: stored.leadStatus ?? undefined,
    note: stored.note ?? "",
    fields: Object.fromEntries(fields),
    callbackAt: stored.callback ? inputTime(new Date(stored.callback.timestamp)) : "",
    callbackOwn: stored.callback?.own ?? true,
  };
}

/** One draft of two that were both made from `base`. What only one changed is as that one has it; of what both chose,
 * mine; of a note that both wrote on, what each of them wrote: nothing typed is lost. */
export function merged(base: Draft, mine: Draft, theirs: Draft): Draft {
  const pick = <T>(was: T, here: T, there: T): T => (here === was ? there : here);
  const keys = new Set([...Object.keys(base.fields), ...Object.keys(mine.fields), ...Object.keys(theirs.fields)]);
  const fields: Record<string, string> = {};
  for (const key of keys) {
    const value = pick(base.fields[key], mine.fields[key], theirs.fields[key]);
    if (value !== undefined) fields[key] = value;
  }
  const callbackIsMine = mine.callbackAt !== base.callbackAt || mine.callbackOwn !== base.callbackOwn;
  const callback = callbackIsMine ? mine : theirs;
  return {
    wrapCode: pick(base.wrapCode, mine.wrapCode, theirs.wrapCode),
    leadStatus: pick(base.leadStatus, mine.leadStatus, theirs.leadStatus),
    note: mergedText(base.note, mine.note, theirs.note),
    fields,
    callbackAt: callback.callbackAt,
    callbackOwn: callback.callbackOwn,
  };
}

function mergedText(base: string, mine: string, theirs: string): string {
  if (mine === base || theirs.includes(mine)) return theirs;
  if (theirs === base || mine.includes(theirs)) return mine;
  if (mine.startsWith(base) && theirs.startsWith(base)) return `${theirs}\n${mine.slice(base.length).trimStart()}`;
  return `${theirs}\n${mine}`;
}

function ordered(draft: Draft): unknown[] {
  const fields = Object.entries(draft.fields).sort(([one], [other]) => (one < other ? -1 : 1));
  return [draft.wrapCode, draft.leadStatus, draft.note, fields, draft.callbackAt, draft.callbackOwn];
}
