/** Say something to those who do not see the page. A dialog makes the rest of the page inert, so it speaks there. */
export function announce(text: string, how: "said" | "urgent" = "said"): void {
  const region = document.getElementById(how);
  if (region === null) return;
  const dialogs = document.querySelectorAll("dialog[open]");
  const top = dialogs[dialogs.length - 1] ?? document.body;
  if (region.parentElement !== top) top.append(region);
  region.textContent = "";
  // a region that is emptied and filled at once says nothing
  setTimeout(() => (region.textContent = text), 30);
}

/** A dialog is about to go: what speaks stays. */
export function leave(dialog: HTMLElement): void {
  for (const region of dialog.querySelectorAll("#said, #urgent")) document.body.append(region);
}
