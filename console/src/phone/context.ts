import { getContext, setContext } from "svelte";
import type { DeskPhone } from "./phone.svelte.ts";

const KEY = Symbol("phone");

export const providePhone = (phone: DeskPhone): DeskPhone => setContext(KEY, phone);

/** The phone of whoever is signed in; pages of agents only. */
export const usePhone = (): DeskPhone => getContext<DeskPhone>(KEY);
