// A small window with the call that stays above all others (Document Picture-in-Picture, where the browser has it).
import { mount, unmount } from "svelte";
import type { Desk } from "../desk/desk.svelte.ts";
import FloatingBar from "./FloatingBar.svelte";
import type { DeskPhone } from "../phone/phone.svelte.ts";

interface Pictures {
  requestWindow: (options: { width: number; height: number }) => Promise<Window>;
  window: Window | null;
}

const pictures = (): Pictures | undefined => (window as { documentPictureInPicture?: Pictures }).documentPictureInPicture;

export const canFloat = (): boolean => pictures() !== undefined;

/** Open it, or close it where it is open. Asked for by a press, or the browser refuses. */
export async function float(desk: Desk, phone: DeskPhone): Promise<void> {
  const found = pictures();
  if (found === undefined) return;
  if (found.window !== null) {
    found.window.close();
    return;
  }
  const bar = await found.requestWindow({ width: 420, height: 190 });
  for (const sheet of document.querySelectorAll('link[rel="stylesheet"]')) bar.document.head.append(sheet.cloneNode());
  bar.document.documentElement.lang = document.documentElement.lang;
  bar.document.documentElement.dataset.theme = document.documentElement.dataset.theme ?? "";
  bar.document.title = document.title;
  const shown = mount(FloatingBar, { target: bar.document.body, props: { desk, phone, keys: bar } });
  bar.addEventListener("pagehide", () => void unmount(shown));
}
