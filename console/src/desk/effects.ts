// What a change does beside the page: it rings, notifies and says it aloud. Never for what is only replayed.
import { chime } from "../phone/sound/ringer.ts";
import { m } from "../text/index.ts";
import { phone } from "../text/phones.ts";
import { announce } from "../ui/announcer.ts";
import type { News, Session } from "./derive.ts";

export function tell(news: News, session: Session): void {
  const who = session.call ? phone(session.call.number) : session.preview ? phone(session.preview.number) : "";
  const text = m.news[news](who);
  announce(text, news === "ringing" ? "urgent" : "said");
  if (news === "ringing" || news === "preview" || news === "connected") chime();
  if (document.visibilityState === "hidden" && "Notification" in window && Notification.permission === "granted") {
    // the number only: a lock screen is seen by others
    new Notification(text, { tag: "callfloor" });
  }
}
