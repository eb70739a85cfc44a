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
export const pages: readonly Page[] = [
  { path: "/floor", title: m.floor, roles: ["supervisor"], listed: true, load: () => import("./pages/supervisor/Floor.svelte") },
  { path: "/campaigns", title: m.campaigns, roles: ["supervisor"], listed: true, load: () => import("./pages/supervisor/Campaigns.svelte") },
  { path: "/campaigns/:id", title: m.campaign, roles: ["supervisor"], listed: false, load: () => import("./pages/supervisor/Campaign.svelte") },
  { path: "/calls", title: m.calls, roles: ["supervisor"], listed: true, load: () => import("./pages/supervisor/Calls.svelte") },
  { path: "/calls/:id", title: m.call, roles: ["supervisor"], listed: false, load: () => import("./pages/supervisor/Call.svelte") },
  { path: "/leads", title: m.leads, roles: ["supervisor"], listed: true, load: () => import("./pages/supervisor/Leads.svelte") },
  { path: "/leads/:id", title: m.lead, roles: ["supervisor"], listed: false, load: () => import("./pages/supervisor/Lead.svelte") },
  { path: "/imports", title: m.imports, roles: ["supervisor"], listed: true, load: () => import("./pages/admin/Import.svelte") },
  { path: "/do-not-call", title: m.doNotCallList, roles: ["supervisor"], listed: true, load: () => import("./pages/admin/DoNotCall.svelte") },
  { path: "/privacy", title: m.privacy, roles: ["supervisor"], listed: true, load: () => import("./pages/admin/Privacy.svelte") },
];

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
