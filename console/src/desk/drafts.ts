// What was typed about a call, until the call is wrapped up: a reload, a crash or a closed tab loses none of it.

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

const PREFIX = "callfloor.draft.";
const KEPT_MS = 7 * 24 * 3600 * 1000;

export function emptyDraft(): Draft {
  return { wrapCode: undefined, leadStatus: undefined, note: "", fields: {}, callbackAt: "", callbackOwn: true };
}

export function loadDraft(agentId: number, activityId: number): Draft {
  try {
    const kept = JSON.parse(localStorage.getItem(keyOf(agentId, activityId)) ?? "{}") as { draft?: Partial<Draft> };
    return { ...emptyDraft(), ...kept.draft };
  } catch {
    return emptyDraft();
  }
}

export function saveDraft(agentId: number, activityId: number, draft: Draft): void {
  try {
    localStorage.setItem(keyOf(agentId, activityId), JSON.stringify({ at: Date.now(), draft }));
  } catch {
    // a browser that keeps nothing: the page itself still has it
  }
}

export function forgetDraft(agentId: number, activityId: number): void {
  localStorage.removeItem(keyOf(agentId, activityId));
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

function keyOf(agentId: number, activityId: number): string {
  return `${PREFIX}${agentId}.${activityId}`;
}
