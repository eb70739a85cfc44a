/** What a supervisor may ask of an agent's floor. */
export type AgentCommand =
  | { action: "monitor"; how: "monitor" | "whisper" | "barge" }
  | { action: "stopMonitoring" | "forceSignOut" | "ready" | "endCall" }
  | { action: "pause"; reason: string | null }
  | { action: "moveToCampaign"; campaignId: number | null };
