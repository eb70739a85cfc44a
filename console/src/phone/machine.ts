// The agent's phone as a state machine: pure, so that every order of what happens can be tested.

export type PhoneState = "off" | "elsewhere" | "connecting" | "registered" | "refused" | "waiting";
export type Talk = "none" | "ringing" | "answering" | "talking" | "broken";

export interface Phone {
  state: PhoneState;
  talk: Talk;
  /** Since when sound has been away, or a call on the desk has had no phone; ms. */
  missingAt: number | undefined;
  /** When the server was last asked to ring, ms. */
  askedAt: number | undefined;
  /** Why it does not work, in the words of whoever refused. */
  reason: string;
}

export type Happening =
  | { type: "off" }
  | { type: "elsewhere" }
  | { type: "begin" }
  | { type: "registered" }
  | { type: "refused"; reason: string }
  | { type: "disconnected" }
  | { type: "invited"; auto: boolean }
  | { type: "answer" }
  | { type: "talking" }
  | { type: "ended" }
  /** What the connection of sound says of itself. */
  | { type: "media"; good: boolean }
  /** `inCall`: the desk shows a call that is connected; `lost`: the server waits for this phone. */
  | { type: "tick"; inCall: boolean; lost: boolean };

export type Effect = "answer" | "ask-to-ring" | "ring" | "be-quiet";

/** So long sound may be away before the phone is rung anew. */
export const BROKEN_MS = 3000;
/** So long a call that is connected may have no phone here: its answer may be on the way. */
export const MISSING_MS = 1000;
export const AGAIN_MS = 4000;

export const idle: Phone = { state: "off", talk: "none", missingAt: undefined, askedAt: undefined, reason: "" };

export function step(phone: Phone, happening: Happening, now: number): [Phone, Effect[]] {
  switch (happening.type) {
    case "off":
      return [idle, ["be-quiet"]];
    case "elsewhere":
      return [{ ...idle, state: "elsewhere" }, ["be-quiet"]];
    case "begin":
      return [{ ...idle, state: "connecting" }, []];
    case "registered":
      return [{ ...phone, state: "registered", reason: "", askedAt: undefined }, []];
    case "refused":
      return [{ ...phone, state: "refused", reason: happening.reason }, []];
    case "disconnected":
      // the sound of a call may go on without it
      return [phone.state === "registered" || phone.state === "connecting" ? { ...phone, state: "waiting" } : phone, []];
    case "invited":
      if (phone.talk !== "none") return [phone, []];
      return happening.auto
        ? [{ ...phone, talk: "answering", missingAt: undefined }, ["answer"]]
        : [{ ...phone, talk: "ringing", missingAt: undefined }, ["ring"]];
    case "answer":
      return phone.talk === "ringing" ? [{ ...phone, talk: "answering" }, ["be-quiet", "answer"]] : [phone, []];
    case "talking":
      return phone.talk === "none" ? [phone, []] : [{ ...phone, talk: "talking", missingAt: undefined, askedAt: undefined }, []];
    case "ended":
      return [{ ...phone, talk: "none", missingAt: undefined }, ["be-quiet"]];
    case "media":
      if (phone.talk !== "talking" && phone.talk !== "broken") return [phone, []];
      return happening.good
        ? [{ ...phone, talk: "talking", missingAt: undefined }, []]
        : [{ ...phone, talk: "broken", missingAt: phone.missingAt ?? now }, []];
    case "tick":
      return ticked(phone, happening.inCall, happening.lost, now);
  }
}

function ticked(phone: Phone, inCall: boolean, lost: boolean, now: number): [Phone, Effect[]] {
  const without = phone.talk === "none" || phone.talk === "broken";
  if (phone.state !== "registered" || !without || !(inCall || lost)) {
    return [phone.talk === "none" && phone.missingAt !== undefined ? { ...phone, missingAt: undefined } : phone, []];
  }
  const missingAt = phone.missingAt ?? now;
  // one that the server waits for is asked for at once
  const patience = phone.talk === "broken" ? BROKEN_MS : lost ? 0 : MISSING_MS;
  const asked = phone.askedAt !== undefined && now - phone.askedAt < AGAIN_MS;
  if (asked || now - missingAt < patience) return [{ ...phone, missingAt }, []];
  return [{ ...phone, missingAt, askedAt: now }, ["ask-to-ring"]];
}
