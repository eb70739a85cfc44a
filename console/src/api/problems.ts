import { m } from "../text/index.ts";

export interface FieldProblem {
  /** The field or parameter as the API calls it. */
  place: string;
  code: string;
  message: string;
  /** Of a file, where it stands. */
  line: number | undefined;
}

/** Whatever went wrong with a request. `kind`: the last part of the problem's type; `offline` where no answer came. */
export class Problem extends Error {
  readonly status: number;
  readonly kind: string;
  readonly code: string | undefined;
  readonly fields: FieldProblem[];
  readonly nextTimestamp: string | undefined;
  readonly requestId: string | undefined;

  constructor(status: number, body: unknown) {
    const given = (typeof body === "object" && body !== null ? body : {}) as Record<string, unknown>;
    super(text(given.detail) ?? text(given.title) ?? "");
    this.status = status;
    this.kind = text(given.type)?.split("/").pop() ?? (status === 0 ? "offline" : "unknown");
    this.code = text(given.code);
    this.nextTimestamp = text(given.nextTimestamp);
    this.requestId = text(given.requestId);
    const errors = Array.isArray(given.errors) ? (given.errors as Record<string, unknown>[]) : [];
    this.fields = errors.map((each) => ({
      place: (text(each.pointer) ?? text(each.parameter) ?? "").replace(/^\//, ""),
      code: text(each.code) ?? "",
      message: text(each.message) ?? "",
      line: typeof each.line === "number" ? each.line : undefined,
    }));
  }
}

/** No answer came: the request may or may not have been done. */
export const offline = (): Problem => new Problem(0, {});

/** A problem as a sentence for people: ours where we know better what to do, else the server's. */
export function said(problem: Problem): string {
  const own = problem.code === undefined ? undefined : m.refusals[problem.code];
  return m.problems[problem.kind] ?? own ?? (problem.message || m.unknownProblem);
}

/** What was thrown, as a problem. Anything else is a fault of ours and goes on. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  throw thrown;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
