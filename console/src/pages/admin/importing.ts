// What an import asks for: pure.

/** Fields of a lead that a column can become. */
export const FIELDS = [
  "phone1", "phone2", "phone3", "customerKey", "timezone", "nextAttemptTimestamp", "statusCode", "agentId",
] as const;

const TYPES: Record<string, string> = {
  csv: "text/csv",
  txt: "text/csv",
  tsv: "text/csv",
  ndjson: "application/x-ndjson",
  json: "application/json",
  xlsx: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
};

/** The media type of a file by its name; undefined: none that is taken. */
export function typeOf(name: string): string | undefined {
  return TYPES[name.split(".").pop()?.toLowerCase() ?? ""];
}

/** The map of columns as the API takes it: only what a person changed. */
export function mapOf(found: Record<string, string | null>, chosen: Record<string, string>): string {
  return Object.entries(chosen)
    .filter(([column, field]) => field !== (found[column] ?? "-"))
    .map(([column, field]) => `${column}=${field}`)
    .join(",");
}
