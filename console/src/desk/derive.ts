// What can be done at a desk now: pure, from the session alone. The server has the last word.
import type { Workspace } from "../api/client.ts";

export type Session = Workspace["Session"];
export type Call = Workspace["Call"];

export type Action =
  | "ready" | "pause" | "signOut" | "hangUp" | "hold" | "mute" | "sendDigits" | "pauseRecording" | "transfer"
  | "consult" | "completeTransfer" | "cancelConsultation" | "conference" | "takeOver" | "dropParty" | "dial"
  | "acceptPreview" | "skipPreview" | "wrapUp" | "chooseLead" | "doNotCall" | "extendWrapUp" | "ringPhone";

/** Why an action is not possible now, as a key of the catalogue; undefined: it is. */
export type Why = "noCall" | "notConnected" | "notRecorded" | "consulting" | "notConsulting" | "noPreview" | "noWrapUp" | "busy";

export function whyNot(action: Action, session: Session): Why | undefined {
  const call = session.call ?? undefined;
  switch (action) {
    case "ready":
    case "pause":
    case "signOut":
      return undefined;
    case "hangUp":
      return call === undefined || call.state === "wrap-up" ? "noCall" : undefined;
    case "hold":
    case "mute":
    case "sendDigits":
    case "takeOver":
    case "dropParty":
    case "ringPhone":
      return connected(call);
    case "pauseRecording":
      return connected(call) ?? (call?.recording || call?.recordingPaused ? undefined : "notRecorded");
    case "transfer":
    case "consult":
      return connected(call) ?? (call?.consulting ? "consulting" : undefined);
    case "completeTransfer":
    case "cancelConsultation":
    case "conference":
      return connected(call) ?? (call?.consulting ? undefined : "notConsulting");
    case "dial":
      return session.state === "ready" || session.state === "paused" ? undefined : "busy";
    case "acceptPreview":
    case "skipPreview":
      return session.preview ? undefined : "noPreview";
    case "wrapUp":
    case "extendWrapUp":
      return session.state === "on-wrap" ? undefined : "noWrapUp";
    case "chooseLead":
    case "doNotCall":
      return call === undefined ? "noCall" : undefined;
  }
}

function connected(call: Call | undefined): Why | undefined {
  if (call === undefined) return "noCall";
  return call.state === "connected" ? undefined : call.state === "ringing" ? "notConnected" : "noCall";
}

/** Whether what the server said is newer than what is shown. */
export function isNewer(shown: Session | undefined, said: Session): boolean {
  return shown === undefined || shown.agentId !== said.agentId || said.sequence >= shown.sequence;
}

/** The lead at hand: of the call, else of the preview. */
export function leadOf(session: Session | undefined): number | undefined {
  return session?.call?.leadId ?? session?.preview?.leadId ?? undefined;
}

/** What is at hand as one text: when it changes, something else is. */
export function atHand(session: Session | undefined): string {
  const call = session?.call;
  return `${call?.activityId ?? ""}/${leadOf(session) ?? ""}/${session?.preview ? "preview" : ""}`;
}

/** What those who do not look at the page are told of a change. */
export type News = "ringing" | "connected" | "wrap-up" | "preview" | "email";

export function news(before: Session | undefined, after: Session): News | undefined {
  if (before === undefined) return undefined;
  const was = before.call, is = after.call;
  if (is && (was?.activityId !== is.activityId || was.state !== is.state)) {
    return is.state === "ringing" ? "ringing" : is.state === "connected" ? "connected" : "wrap-up";
  }
  if (after.preview && before.preview?.leadId !== after.preview.leadId) return "preview";
  if (after.email && before.email?.activityId !== after.email.activityId) return "email";
  return undefined;
}
