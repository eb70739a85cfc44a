import createClient, { type Middleware } from "openapi-fetch";
import { credentials } from "./credentials.svelte.ts";
import type { components as AdminTypes, paths as AdminPaths } from "./generated/admin.d.ts";
import type { components as AuthTypes, paths as AuthPaths } from "./generated/auth.d.ts";
import type { components as PlatformTypes, paths as PlatformPaths } from "./generated/platform-api.d.ts";
import type { components as ReportTypes, paths as ReportPaths } from "./generated/reports.d.ts";
import type { components as WorkspaceTypes, paths as WorkspacePaths } from "./generated/workspace.d.ts";
import { offline, Problem } from "./problems.ts";

export type Workspace = WorkspaceTypes["schemas"];
export type Admin = AdminTypes["schemas"];
export type Auth = AuthTypes["schemas"];
export type Platform = PlatformTypes["schemas"];
export type Reporting = ReportTypes["schemas"];

const LONGEST_MS = 30_000;

/** A page of another site cannot set this header, so what has it was asked for here. */
const OURS = "X-Callfloor-CSRF";

/** Every request says that it is ours; every answer that is a problem is thrown as one. */
const asked: Middleware = {
  onRequest({ request }) {
    request.headers.set(OURS, "1");
    return request;
  },
  async onResponse({ response }) {
    if (response.ok) return undefined;
    if (response.status === 401) credentials.refused = true;
    throw new Problem(response.status, await response.json().catch(() => ({})));
  },
  onError() {
    return offline();
  },
};

async function timed(request: Request): Promise<Response> {
  return fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(LONGEST_MS)]) });
}

export const workspace = createClient<WorkspacePaths>({ baseUrl: "/workspace/v1", fetch: timed });
export const reporting = createClient<ReportPaths>({ baseUrl: "/reports/v1", fetch: timed });
export const platform = createClient<PlatformPaths>({ baseUrl: "/platform-api/v3.0", fetch: timed });
export const admin = createClient<AdminPaths>({ baseUrl: "/admin/v1", fetch: timed });
export const auth = createClient<AuthPaths>({ baseUrl: "/auth/v1", fetch: timed });
admin.use(asked);
auth.use(asked);
workspace.use(asked);
platform.use(asked);
reporting.use(asked);

/** The body of an answer. Raises `Problem`. */
export async function got<T>(answer: Promise<{ data?: T }>): Promise<T> {
  return (await answer).data as T;
}

/** Ask for something that has no operation in a document, such as a file by its address. Raises `Problem`. */
export async function fetched(address: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  headers.set(OURS, "1");
  let response: Response;
  try {
    response = await fetch(address, { ...init, headers });
  } catch {
    throw offline();
  }
  if (response.ok) return response;
  if (response.status === 401) credentials.refused = true;
  throw new Problem(response.status, await response.json().catch(() => ({})));
}

/** A key for a command, that makes sending it again safe. Works without a secure context too. */
export function freshKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
