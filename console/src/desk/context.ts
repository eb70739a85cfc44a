import { getContext, setContext } from "svelte";
import type { Desk } from "./desk.svelte.ts";

const KEY = Symbol("desk");

export const provideDesk = (desk: Desk): Desk => setContext(KEY, desk);

/** The desk of whoever is signed in; pages of agents only. */
export const useDesk = (): Desk => getContext<Desk>(KEY);
