/** Go to a line of a text that is being written, and mark it. */
export function goTo(area: HTMLTextAreaElement | undefined, line: number): void {
  if (area === undefined) return;
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
}
