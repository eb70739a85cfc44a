import type { Role } from "./api/identity.ts";
import { m } from "./text/index.ts";

export interface Page {
  /** The address; `:id` is the last part, a number. */
  path: string;
  title: string;
  roles: readonly Role[];
  /** In the navigation. */
  listed: boolean;
  /** Its component, which takes the number as `id`, or nothing. */
  load: () => Promise<{ default: unknown }>;
}

/** The pages of whoever is no agent. The first part of each address is also in `callfloor/api/console.py`, or it cannot be opened by link. */
export const pages: readonly Page[] = [];

export const agentPages: readonly Page[] = [
  { path: "/desk", title: m.desk, roles: ["agent"], listed: true, load: () => import("./pages/agent/Desk.svelte") },
  { path: "/emails", title: m.emails, roles: ["agent"], listed: true, load: () => import("./pages/agent/Emails.svelte") },
  { path: "/emails/:id", title: m.email, roles: ["agent"], listed: false, load: () => import("./pages/agent/Email.svelte") },
];

/** The page of an address and the number in it. */
export function findIn(pages: readonly Page[], path: string): { page: Page; id: number } | undefined {
  for (const page of pages) {
    const pattern = new RegExp(`^${page.path.replace(":id", "(\\d{1,18})")}/?$`);
    const match = pattern.exec(path);
    if (match !== null) return { page, id: Number(match[1] ?? 0) };
  }
  return undefined;
}
