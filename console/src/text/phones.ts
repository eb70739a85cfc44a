import { m } from "./index.ts";

const LENGTHS: Record<string, number[]> = { "61": [3, 3, 3], "1": [3, 3, 4], "44": [4, 6] };

/** A number in E.164 in groups that can be read. What is no number stays as it is. */
export function phone(number: string | null | undefined): string {
  if (number === null || number === undefined || number === "") return m.withheld;
  if (!/^\+\d{7,15}$/.test(number)) return number;
  for (const [code, lengths] of Object.entries(LENGTHS)) {
    const rest = number.slice(1 + code.length);
    if (number.startsWith(`+${code}`) && rest.length === lengths.reduce((a, b) => a + b)) {
      let at = 0;
      return [`+${code}`, ...lengths.map((length) => rest.slice(at, (at += length)))].join(" ");
    }
  }
  return `${number.slice(0, 3)} ${number.slice(3).replace(/(\d{3})(?=\d)/g, "$1 ")}`.trim();
}
