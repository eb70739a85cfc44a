import { fetched, freshKey, got, workspace, type Workspace } from "../api/client.ts";
import { problemOf } from "../api/problems.ts";
import { emptyDraft, isSame, kept, merged, typed, type Draft } from "./drafts.ts";
import { forgetLocal, loadLocal, localKey, saveLocal } from "./local_drafts.ts";

/** A pause in typing. */
const PAUSE_MS = 600;
const AGAIN_MS = 3000;
/** A request may overtake another one of this page: the server keeps the last. */
const PAGE = freshKey();
const DRAFT_PATH = "/calls/{activityId}/draft" as const;

/** What is typed about one call: in the page, at once in this browser, and at each pause on the server. */
export class KeptDraft {
  draft = $state<Draft>(emptyDraft());
  /** `saving`: typed and not with the server yet; `unsaved`: the server does not answer, this browser has it. */
  state = $state<"kept" | "saving" | "unsaved">("kept");
  readonly #agentId: number;
  readonly #activityId: number;
  #base: Draft;
  #revision: number;
  #step = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending = false;
  #over = false;
  readonly #leave = (): void => this.#flush();
  readonly #visibility = (): void => (document.visibilityState === "hidden" ? this.#flush() : void this.look());
  readonly #elsewhere = (event: StorageEvent): void => {
    if (event.key !== localKey(this.#agentId, this.#activityId) || event.newValue === null) return;
    if (loadLocal(this.#agentId, this.#activityId).revision > this.#revision) void this.look();
  };

  constructor(agentId: number, activityId: number) {
    this.#agentId = agentId;
    this.#activityId = activityId;
    const local = loadLocal(agentId, activityId);
    this.#base = local.base;
    this.#revision = local.revision;
    this.draft = local.draft;
    addEventListener("pagehide", this.#leave);
    addEventListener("storage", this.#elsewhere);
    document.addEventListener("visibilitychange", this.#visibility);
    void this.look();
  }

  /** Something was typed or chosen. */
  changed(draft: Draft): void {
    if (this.#over || isSame(draft, this.#base)) return;
    this.state = "saving";
    this.#remember(draft);
    this.#later(PAUSE_MS);
  }

  /** Ask what the server has: another desk may have typed. */
  async look(): Promise<void> {
    if (this.#over) return;
    try {
      const stored = await got(workspace.GET(DRAFT_PATH, { params: { path: { activityId: this.#activityId } } }));
      this.#take(stored.revision ?? 0, typed(stored));
    } catch (thrown) {
      this.#refused(problemOf(thrown).status);
    }
  }

  /** It was sent with the wrap-up. */
  sent(): void {
    this.end();
    forgetLocal(this.#agentId, this.#activityId);
  }

  end(): void {
    if (!this.#over) this.#flush();
    this.#over = true;
    clearTimeout(this.#timer);
    removeEventListener("pagehide", this.#leave);
    removeEventListener("storage", this.#elsewhere);
    document.removeEventListener("visibilitychange", this.#visibility);
  }

  #take(revision: number, theirs: Draft): void {
    const mine = $state.snapshot(this.draft);
    const next = revision === this.#revision ? mine : merged(this.#base, mine, theirs);
    this.#revision = revision;
    this.#base = theirs;
    if (!isSame(next, mine)) this.draft = next;
    this.#remember(next);
    if (!isSame(next, theirs)) this.#later(0);
    else this.state = "kept";
  }

  #remember(draft: Draft): void {
    saveLocal(this.#agentId, this.#activityId, { draft, base: this.#base, revision: this.#revision });
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#send(), ms);
  }

  async #send(): Promise<void> {
    if (this.#over || this.#sending) return this.#over ? undefined : this.#later(PAUSE_MS);
    const draft = $state.snapshot(this.draft);
    if (isSame(draft, this.#base)) return;
    this.#sending = true;
    try {
      const body = this.#body(draft);
      const stored = await got(workspace.PUT(DRAFT_PATH, { body, params: { path: { activityId: this.#activityId } } }));
      this.#revision = stored.revision ?? 0;
      this.#base = draft;
      this.#remember($state.snapshot(this.draft));
      if (isSame(draft, $state.snapshot(this.draft))) this.state = "kept";
      else this.#later(PAUSE_MS);
    } catch (thrown) {
      const problem = problemOf(thrown);
      if (problem.kind === "draft-changed") void this.look();
      else this.#refused(problem.status);
    } finally {
      this.#sending = false;
    }
  }

  #body(draft: Draft): Workspace["DraftToKeep"] {
    this.#step += 1;
    return { ...kept(draft), revision: this.#revision, page: PAGE, step: this.#step };
  }

  #refused(status: number): void {
    // the call is not at hand any more: nobody can add to it
    if (status === 404) this.#over = true;
    else if (!isSame($state.snapshot(this.draft), this.#base)) {
      this.state = "unsaved";
      this.#later(AGAIN_MS);
    }
  }

  /** The page goes: what is not with the server yet is sent by a request that outlives it. */
  #flush(): void {
    const draft = $state.snapshot(this.draft);
    if (this.#over || isSame(draft, this.#base)) return;
    const body = JSON.stringify(this.#body(draft));
    const headers = { "Content-Type": "application/json" };
    fetched(`/workspace/v1/calls/${this.#activityId}/draft`, { method: "PUT", body, headers, keepalive: true }).then(
      async (answer) => {
        this.#revision = ((await answer.json()) as { revision: number }).revision;
        this.#base = draft;
        this.#remember($state.snapshot(this.draft));
      },
      () => this.#later(PAUSE_MS),
    );
  }
}
