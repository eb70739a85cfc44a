// What a change does beside the page: it rings, notifies and says it aloud. Never for what is only replayed.
import { m } from "../text/index.ts";
import { phone } from "../text/phones.ts";
import { announce } from "../ui/announcer.ts";
import type { News, Session } from "./derive.ts";

let sound: AudioContext | undefined;

/** A browser plays nothing before the page was touched: the first press makes the ringer ready. */
export function readySound(): void {
  sound ??= new AudioContext();
  void sound.resume();
}

export function tell(news: News, session: Session): void {
  const who = session.call ? phone(session.call.number) : session.preview ? phone(session.preview.number) : "";
  const text = m.news[news](who);
  announce(text, news === "ringing" ? "urgent" : "said");
  if (news === "ringing" || news === "preview" || news === "connected") ring();
  if (document.visibilityState === "hidden" && "Notification" in window && Notification.permission === "granted") {
    // the number only: a lock screen is seen by others
    new Notification(text, { tag: "callfloor" });
  }
}

/** Two short tones. */
function ring(): void {
  if (sound === undefined || sound.state !== "running") return;
  for (const [at, hertz] of [[0, 660], [0.22, 880]] as const) {
    const tone = sound.createOscillator();
    const level = sound.createGain();
    const begin = sound.currentTime + at;
    tone.frequency.value = hertz;
    level.gain.setValueAtTime(0.0001, begin);
    level.gain.exponentialRampToValueAtTime(0.12, begin + 0.02);
    level.gain.exponentialRampToValueAtTime(0.0001, begin + 0.2);
    tone.connect(level).connect(sound.destination);
    tone.start(begin);
    tone.stop(begin + 0.22);
  }
}
