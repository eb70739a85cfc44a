import { fetched, platform } from "../../api/client.ts";
import { problemOf, type Problem } from "../../api/problems.ts";

interface PageOf<T> {
  items: T[];
  metadata: { nextUri: string | null };
}

/** A list that comes in pages. Asking anew forgets what came before; an answer that is overtaken is not taken. */
export class Pages<T> {
  items = $state.raw<T[]>([]);
  busy = $state(false);
  asked = $state(false);
  problem = $state.raw<Problem>();
  next = $state.raw<string | null>(null);
  #turn = 0;

  async ask(first: () => Promise<PageOf<T>>): Promise<void> {
    const turn = ++this.#turn;
    await this.#take(turn, first, []);
  }

  async more(): Promise<void> {
    const address = this.next;
    if (address === null || this.busy) return;
    await this.#take(this.#turn, async () => (await (await fetched(address)).json()) as PageOf<T>, this.items);
  }

  async #take(turn: number, ask: () => Promise<PageOf<T>>, before: T[]): Promise<void> {
    this.busy = true;
    this.problem = undefined;
    try {
      const page = await ask();
      if (turn !== this.#turn) return;
      this.items = [...before, ...page.items];
      this.next = page.metadata.nextUri;
    } catch (thrown) {
      if (turn === this.#turn) this.problem = problemOf(thrown);
    } finally {
      if (turn === this.#turn) {
        this.busy = false;
        this.asked = true;
      }
    }
  }
}

export interface Campaign {
  campaignId: number;
  name: string;
}

/** Outbound campaigns with their lists, and the lists themselves. Raises `Problem`. */
export async function lists() {
  const { data } = await platform.GET("/leads/lists", { params: { query: { limit: 200 } } });
  return data?.items ?? [];
}

/** People by id, for names in filters. Raises `Problem`. */
export async function agents() {
  const { data } = await platform.GET("/users", { params: { query: { userType: "agent", limit: 200 } } });
  return data?.items ?? [];
}
