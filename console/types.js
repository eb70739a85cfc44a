// Types of our APIs, from the OpenAPI documents that the server itself serves. Types only: nothing of them is shipped.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const folder = new URL("src/api/generated/", import.meta.url);
const documents = JSON.parse(readFileSync(process.argv[2], "utf8"));
mkdirSync(folder, { recursive: true });
for (const [prefix, document] of Object.entries(documents)) {
  const name = prefix
    .split("/")
    .filter((part) => part !== "" && !/^v\d/.test(part))
    .join("-");
  const text = astToString(await openapiTS(document, { alphabetize: true, defaultNonNullable: false }));
  writeFileSync(new URL(`${name}.d.ts`, folder), text);
}
