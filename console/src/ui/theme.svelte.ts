const KEY = "callfloor.theme";
const NAMES = ["system", "light", "dark"] as const;
export type ThemeName = (typeof NAMES)[number];

class Theme {
  name = $state<ThemeName>(NAMES.find((each) => each === localStorage.getItem(KEY)) ?? "system");
}

export const theme = new Theme();
apply();

export function nextTheme(): void {
  theme.name = NAMES[(NAMES.indexOf(theme.name) + 1) % NAMES.length] ?? "system";
  localStorage.setItem(KEY, theme.name);
  apply();
}

function apply(): void {
  if (theme.name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.name;
}
