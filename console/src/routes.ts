import { m } from "./text/index.ts";

export interface Page {
  /** The address; `:id` is the last part, a number. */
  path: string;
  title: string;
  /** Whoever lacks it does not see the page; undefined: it is for everybody. */
  scope?: string;
  /** In the navigation. */
  listed: boolean;
  /** Its component, which takes the number as `id`, or nothing. */
  load: () => Promise<{ default: unknown }>;
}

/** The pages of whoever is no agent, each for those who have its scope. The first part of each address is also in `callfloor/api/console.py`, or it cannot be opened by link. */
export const pages: readonly Page[] = [
  { path: "/floor", title: m.floor, scope: "workspace:supervise", listed: true, load: () => import("./pages/supervisor/Floor.svelte") },
  { path: "/campaigns", title: m.campaigns, scope: "campaigns:read", listed: true, load: () => import("./pages/supervisor/Campaigns.svelte") },
  { path: "/campaigns/:id", title: m.campaign, scope: "campaigns:read", listed: false, load: () => import("./pages/supervisor/Campaign.svelte") },
  { path: "/work", title: m.work, scope: "workspace:supervise", listed: true, load: () => import("./pages/supervisor/Work.svelte") },
  { path: "/alerts", title: m.alerts, scope: "workspace:supervise", listed: true, load: () => import("./pages/supervisor/Alerts.svelte") },
  { path: "/calls", title: m.calls, scope: "activities:read", listed: true, load: () => import("./pages/supervisor/Calls.svelte") },
  { path: "/calls/:id", title: m.call, scope: "activities:read", listed: false, load: () => import("./pages/supervisor/Call.svelte") },
  { path: "/leads", title: m.leads, scope: "leads:read", listed: true, load: () => import("./pages/supervisor/Leads.svelte") },
  { path: "/leads/:id", title: m.lead, scope: "leads:read", listed: false, load: () => import("./pages/supervisor/Lead.svelte") },
  { path: "/reports", title: m.reports, scope: "reports:read", listed: true, load: () => import("./pages/supervisor/Reports.svelte") },
  { path: "/reports/calls", title: m.countedTitle, scope: "reports:read", listed: false, load: () => import("./pages/supervisor/Counted.svelte") },
  { path: "/what-if", title: m.whatIf.title, scope: "reports:write", listed: true, load: () => import("./pages/supervisor/WhatIf.svelte") },
  { path: "/imports", title: m.imports, scope: "leads:write", listed: true, load: () => import("./pages/admin/Import.svelte") },
  { path: "/do-not-call", title: m.doNotCallList, scope: "do-not-call:read", listed: true, load: () => import("./pages/admin/DoNotCall.svelte") },
  { path: "/privacy", title: m.privacy, scope: "customers:erase", listed: true, load: () => import("./pages/admin/Privacy.svelte") },
  { path: "/set-up", title: m.setUp, scope: "setup:write", listed: true, load: () => import("./pages/admin/SetUp.svelte") },
  { path: "/set-up/workflows", title: m.settingUp.workflows, scope: "setup:write", listed: false, load: () => import("./pages/admin/set-up/Workflows.svelte") },
  { path: "/set-up/workflows/:id", title: m.settingUp.workflow, scope: "setup:write", listed: false, load: () => import("./pages/admin/set-up/Workflow.svelte") },
  { path: "/set-up/prompts", title: m.settingUp.prompts, scope: "setup:write", listed: false, load: () => import("./pages/admin/set-up/Prompts.svelte") },
  { path: "/set-up/closures", title: m.settingUp.closures, scope: "setup:write", listed: false, load: () => import("./pages/admin/set-up/Closures.svelte") },
  { path: "/set-up/alerts", title: m.alerting.rules, scope: "setup:write", listed: false, load: () => import("./pages/admin/set-up/Alerts.svelte") },
  { path: "/set-up/tokens", title: m.settingUp.tokens, scope: "tokens:write", listed: false, load: () => import("./pages/admin/set-up/Tokens.svelte") },
  { path: "/people", title: m.people, scope: "people:write", listed: true, load: () => import("./pages/admin/People.svelte") },
  { path: "/people/:id", title: m.person, scope: "people:write", listed: false, load: () => import("./pages/admin/Person.svelte") },
  { path: "/account", title: m.account, listed: false, load: () => import("./pages/account/Account.svelte") },
];

export const agentPages: readonly Page[] = [
  { path: "/desk", title: m.desk, listed: true, load: () => import("./pages/agent/Desk.svelte") },
  { path: "/emails", title: m.emails, listed: true, load: () => import("./pages/agent/Emails.svelte") },
  { path: "/emails/:id", title: m.email, listed: false, load: () => import("./pages/agent/Email.svelte") },
  { path: "/account", title: m.account, listed: false, load: () => import("./pages/account/Account.svelte") },
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
