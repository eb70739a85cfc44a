import { SvelteSet } from "svelte/reactivity";
import { freshKey, got, workspace, type Workspace } from "../api/client.ts";
import { Problem, problemOf } from "../api/problems.ts";
import { LiveLine } from "../line/line.svelte.ts";
import { m } from "../text/index.ts";
import { atHand, isNewer, leadOf, news, whyNot, type Action, type News, type Session } from "./derive.ts";

export type Command =
  | { action: "ready" | "signOut" | "hangUp" | "completeTransfer" | "cancelConsultation" | "conference" | "takeOver" }
  | { action: "acceptPreview" | "extendWrapUp" | "ringPhone" }
  | Workspace["Pause"] | Workspace["Hold"] | Workspace["Mute"] | Workspace["SendDigits"] | Workspace["PauseRecording"]
  | Workspace["Transfer"] | Workspace["Consult"] | Workspace["DropParty"] | Workspace["Dial"]
  | Workspace["SkipPreview"] | Workspace["WrapUp"] | Workspace["ChooseLead"] | Workspace["DoNotCall"];

/** An answer that was lost is asked for again so long, with the same key: nothing is done twice. */
const REPEAT_MS = 5000;
const REPEAT_AFTER_MS = 700;

/** All that one person's desk knows. It draws nothing, and nothing here is guessed: the server says what is. */
export class Desk {
  session = $state.raw<Session>();
  lead = $state.raw<Workspace["Lead"]>();
  choices = $state.raw<Workspace["Choices"]>({ campaigns: [], queues: [], colleagues: [], leadStatuses: [] });
  callbacks = $state.raw<Workspace["OwnCallback"][]>([]);
  tasks = $state.raw<Workspace["Task"][]>([]);
  emails = $state.raw<Workspace["Emails"]>({ waiting: [], own: [] });
  /** Commands whose answer is awaited. */
  readonly busy = new SvelteSet<Action>();
  /** What went wrong last, and with what. */
  trouble = $state.raw<{ action: Action; problem: Problem }>();
  /** When the seconds that the session speaks of were said, by the page's monotonic clock. */
  saidAt = $state.raw(0);
  readonly line: LiveLine;
  readonly #onNews: (news: News, session: Session) => void;
  #cursor: number | undefined;
  #loaded = "";

  constructor(onNews: (news: News, session: Session) => void) {
    this.#onNews = onNews;
    this.line = new LiveLine(
      () => `/workspace/v1/events${this.#cursor === undefined ? "" : `?after=${this.#cursor}`}`,
      (message) => this.#heard(message as unknown as Workspace["Event"] | { type: "heartbeat"; sequence: number }),
    );
    void this.refresh();
  }

  end(): void {
    this.line.end();
  }

  /** Seconds left of a wrap-up or preview that the session gave; the server ends them. */
  left(seconds: number): number {
    return Math.max(0, seconds - (performance.now() - this.saidAt) / 1000);
  }

  /** Why an action is not possible now, in words; undefined: it is. */
  whyNot(action: Action): string | undefined {
    if (this.session === undefined) return m.notLoaded;
    if (!this.line.live && action !== "mute" && action !== "hangUp") return m.notConnected;
    const why = whyNot(action, this.session);
    return why === undefined ? undefined : m.why[why];
  }

  /** Have the server do something; false: it refused, and `trouble` says why. A press during the answer does nothing. */
  async send(command: Command): Promise<boolean> {
    const action: Action = command.action;
    if (this.busy.has(action) || this.whyNot(action) !== undefined) return false;
    this.busy.add(action);
    this.trouble = undefined;
    try {
      this.#accept(await this.#asked(command));
      return true;
    } catch (thrown) {
      this.trouble = { action, problem: problemOf(thrown) };
      // the session says what became of it
      if (this.trouble.problem.kind === "outcome-unknown") await this.#look();
      return false;
    } finally {
      this.busy.delete(action);
    }
  }

  /** Read anew what has no events of its own. */
  async refresh(): Promise<void> {
    const [choices, callbacks, tasks, emails] = await Promise.allSettled([
      got(workspace.GET("/campaigns")),
      got(workspace.GET("/callbacks", { params: { query: { limit: 50 } } })),
      got(workspace.GET("/tasks")),
      got(workspace.GET("/emails")),
    ]);
    if (choices.status === "fulfilled") this.choices = choices.value;
    if (callbacks.status === "fulfilled") this.callbacks = callbacks.value.items;
    if (tasks.status === "fulfilled") this.tasks = tasks.value.tasks;
    if (emails.status === "fulfilled") this.emails = emails.value;
  }

  async #asked(command: Command): Promise<Session> {
    const headers = { "Idempotency-Key": freshKey() };
    const until = performance.now() + REPEAT_MS;
    for (;;) {
      try {
        const body = command as Workspace["Hold"];
        return await got(workspace.POST("/session/commands", { body, params: { header: headers } }));
      } catch (thrown) {
        const problem = problemOf(thrown);
        if (problem.kind !== "offline" || performance.now() > until) throw problem;
        await new Promise((done) => setTimeout(done, REPEAT_AFTER_MS));
      }
    }
  }

  async #look(): Promise<void> {
    try {
      this.#accept(await got(workspace.GET("/session")));
    } catch (thrown) {
      problemOf(thrown);
    }
  }

  /** Take a message of the line; true: what is shown is as new as can be. */
  #heard(message: Workspace["Event"] | { type: "heartbeat"; sequence: number }): boolean {
    if (message.type === "heartbeat") return true;
    if (message.type === "snapshot") {
      this.#cursor = message.sequence;
      this.#show((message as Workspace["Event"]).session);
      return true;
    }
    if (this.#cursor !== undefined && message.sequence <= this.#cursor) return false;
    if (this.#cursor !== undefined && message.sequence > this.#cursor + 1) {
      this.line.restart();
      return false;
    }
    this.#cursor = message.sequence;
    this.#accept((message as Workspace["Event"]).session);
    return false;
  }

  #accept(session: Session): void {
    if (isNewer(this.session, session)) this.#show(session);
  }

  #show(session: Session): void {
    const before = this.session;
    this.session = session;
    this.saidAt = performance.now();
    const key = atHand(session);
    if (key !== this.#loaded || before?.state !== session.state) void this.#load(key, session);
    const told = news(before, session);
    if (told !== undefined) this.#onNews(told, session);
    if (before !== undefined && before.state !== session.state) void this.refresh();
  }

  async #load(key: string, session: Session): Promise<void> {
    if (key !== this.#loaded) this.lead = undefined;
    this.#loaded = key;
    if (leadOf(session) === undefined) return;
    try {
      const lead = await got(workspace.GET("/lead"));
      if (this.#loaded === key) this.lead = lead;
    } catch (thrown) {
      problemOf(thrown);
    }
  }
}
