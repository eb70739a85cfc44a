import { problemOf, type Problem } from "../api/problems.ts";
import { announce } from "./announcer.ts";

/** One thing at a time that a page does, with what went wrong. */
export class Work {
  busy = $state(false);
  problem = $state.raw<Problem>();

  /** Whether it was done. `said`: read out when it is. */
  async do(doing: () => Promise<unknown>, said?: string): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.problem = undefined;
    try {
      await doing();
      if (said !== undefined) announce(said);
      return true;
    } catch (thrown) {
      this.problem = problemOf(thrown);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
