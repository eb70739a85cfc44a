// The desk inside another page, such as a CRM's: `?embed`. The policy that the server sends (frame-ancestors) lets only the
// origins of CALLFLOOR_EMBED_ORIGINS show it; messages go to that page alone, and come from it alone.
import type { Desk } from "../desk/desk.svelte.ts";
import type { News, Session } from "../desk/derive.ts";
import { desktop } from "../pages/agent/desktop.svelte.ts";

export const embedded = new URLSearchParams(location.search).has("embed") && window.parent !== window;

/** Who shows this page; undefined: nobody, or it cannot be known. */
function host(): string | undefined {
  if (!embedded) return undefined;
  const ancestors = location.ancestorOrigins;
  if (ancestors !== undefined && ancestors.length > 0) return ancestors[0];
  return document.referrer === "" ? undefined : new URL(document.referrer).origin;
}

/** What the other page is told: `{callfloor: 1, type, call}`; the fields of `call` are those of the workspace API. */
export function tellHost(news: News | "state", session: Session): void {
  const origin = host();
  if (origin === undefined) return;
  const call = session.call;
  const about = call == null ? null : {
    activityId: call.activityId, direction: call.direction, number: call.number, leadId: call.leadId, state: call.state,
  };
  window.parent.postMessage({ callfloor: 1, type: news, state: session.state, call: about }, origin);
}

/** What the other page may ask for: `{callfloor: 1, type: "dial", number}` opens the dialog, and nobody is called before a
 * person presses the button; `{callfloor: 1, type: "state"}` asks what is. Answers how to stop listening. */
export function hearHost(desk: Desk): () => void {
  const origin = host();
  if (origin === undefined) return () => undefined;
  const heard = (event: MessageEvent<unknown>): void => {
    if (event.source !== window.parent || event.origin !== origin) return;
    const said = (typeof event.data === "object" && event.data !== null ? event.data : {}) as Record<string, unknown>;
    if (said.callfloor !== 1) return;
    if (said.type === "dial" && typeof said.number === "string" && desk.whyNot("dial") === undefined) {
      desktop.dial(dialled(said.number));
    } else if (said.type === "state" && desk.session !== undefined) tellHost("state", desk.session);
  };
  addEventListener("message", heard);
  return () => removeEventListener("message", heard);
}

/** The number of a link, such as `tel:+61-491-570-156`, as it may be typed. */
export function dialled(link: string): string {
  // a plus that nobody wrote as %2B comes as a blank
  return link.replace(/^(tel|sip):/i, "").replace(/;.*$/, "").replace(/^ +(?=\d)/, "+").trim().slice(0, 64);
}
