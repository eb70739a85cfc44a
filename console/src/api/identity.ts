import { auth, got, type Auth } from "./client.ts";

export type Me = Auth["Me"];

/** Who is signed in. Raises `Problem` when nobody is. */
export const identify = (): Promise<Me> => got(auth.GET("/me"));

/** Whether somebody may do what a scope stands for. */
export function may(me: Me, scope: string): boolean {
  return me.scopes.includes("admin") || me.scopes.includes(scope);
}
