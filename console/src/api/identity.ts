import { got, workspace } from "./client.ts";
import { Problem } from "./problems.ts";

export type Role = "agent" | "supervisor" | "integrator";

export interface Identity {
  role: Role;
  agentId: number | undefined;
}

/** Who is signed in, as the server knows it. Raises `Problem` when nobody is. */
export async function identify(): Promise<Identity> {
  try {
    const session = await got(workspace.GET("/session"));
    return { role: "agent", agentId: session.agentId };
  } catch (thrown) {
    const kind = thrown instanceof Problem ? thrown.kind : undefined;
    if (kind === "not-an-agent") return { role: "supervisor", agentId: undefined };
    if (kind === "not-signed-in" || kind === "scope-missing") return { role: "integrator", agentId: undefined };
    throw thrown;
  }
}
