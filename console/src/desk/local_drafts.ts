// The copy of a draft in this browser: there before the server has answered, and when it does not answer.
import { emptyDraft, type Draft } from "./drafts.ts";

/** `base`: what the server was last known to have, in its revision. */
export interface LocalDraft {
  draft: Draft;
  base: Draft;
  revision: number;
}

const PREFIX = "callfloor.draft.";
const KEPT_MS = 7 * 24 * 3600 * 1000;

export function loadLocal(agentId: number, activityId: number): LocalDraft {
  try {
    const found = JSON.parse(localStorage.getItem(localKey(agentId, activityId)) ?? "{}") as Partial<LocalDraft>;
    const whole = (draft: Partial<Draft> | undefined): Draft => ({ ...emptyDraft(), ...draft });
    return { draft: whole(found.draft), base: whole(found.base), revision: found.revision ?? 0 };
  } catch {
    return { draft: emptyDraft(), base: emptyDraft(), revision: 0 };
  }
}

export function saveLocal(agentId: number, activityId: number, local: LocalDraft): void {
  try {
    localStorage.setItem(localKey(agentId, activityId), JSON.stringify({ at: Date.now(), ...local }));
  } catch {
    // a browser that keeps nothing: the page and the server still have it
  }
}

export function forgetLocal(agentId: number, activityId: number): void {
  localStorage.removeItem(localKey(agentId, activityId));
}

/** Drafts of calls that somebody else ended long ago. */
export function forgetOldDrafts(now: number): void {
  for (const key of Object.keys(localStorage).filter((each) => each.startsWith(PREFIX))) {
    try {
      const kept = JSON.parse(localStorage.getItem(key) ?? "{}") as { at?: number };
      if (now - (kept.at ?? 0) > KEPT_MS) localStorage.removeItem(key);
    } catch {
      localStorage.removeItem(key);
    }
  }
}

export function localKey(agentId: number, activityId: number): string {
  return `${PREFIX}${agentId}.${activityId}`;
}
