import { locale } from "./index.ts";

/** Whole seconds as `m:ss`, or `h:mm:ss`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const parts = [Math.floor(whole / 60) % 60, whole % 60].map((each) => String(each).padStart(2, "0"));
  const hours = Math.floor(whole / 3600);
  return hours > 0 ? `${hours}:${parts.join(":")}` : `${Number(parts[0])}:${parts[1]}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(at: number | string, options: Intl.DateTimeFormatOptions): string {
  const key = JSON.stringify(options);
  let made = formats.get(key);
  if (made === undefined) formats.set(key, (made = new Intl.DateTimeFormat(locale, options)));
  return made.format(typeof at === "string" ? Date.parse(at) : at);
}

export const time = (at: number | string): string => format(at, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const minute = (at: number | string): string => format(at, { hour: "2-digit", minute: "2-digit" });

/** Date and time; today's without the date. */
export function moment(at: string | number): string {
  const given = typeof at === "string" ? Date.parse(at) : at;
  if (new Date(given).toDateString() === new Date().toDateString()) return minute(given);
  return format(given, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

export const dateTime = (at: string | number): string =>
  format(at, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** Day and time of a zone's clocks. */
export const inZone = (at: string | number, zone: string): string =>
  format(at, { timeZone: zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

const numbers = new Intl.NumberFormat(locale);
const percents = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 1 });
export const count = (value: number): string => numbers.format(value);
export const percent = (value: number | null | undefined): string =>
  value === null || value === undefined ? "–" : percents.format(value);

/** A local date and time as `<input type="datetime-local">` has it. */
export function inputTime(at: Date): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
