import { router } from "../../router.svelte.ts";

/** Filters of a list by the names of their parameters. The address has them, so that a list can be sent to somebody. */
export class Filters<K extends string> {
  values: Record<K, string>;
  some = $derived.by(() => Object.values<string>(this.values).some((each) => each !== ""));
  readonly #path: string;

  constructor(path: string, names: readonly K[]) {
    this.#path = path;
    this.values = $state(Object.fromEntries(names.map((name) => [name, router.query.get(name) ?? ""])) as Record<K, string>);
  }

  /** Puts the filters that are given into the address; returns them. */
  given(): Record<string, string> {
    const given = Object.fromEntries(Object.entries<string>(this.values).filter(([, value]) => value.trim() !== ""));
    router.replace(`${this.#path}${Object.keys(given).length > 0 ? `?${new URLSearchParams(given)}` : ""}`);
    return given;
  }

  clear(): void {
    for (const name of Object.keys(this.values)) this.values[name as K] = "";
  }
}
