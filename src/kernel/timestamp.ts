/** Timestamps on the wire and in records: RFC 3339, UTC, milliseconds, always ending in `Z`. */
import * as z from "zod";

export const Timestamp = z
  .string()
  .regex(
    /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/,
    "must be RFC 3339 in UTC with milliseconds, such as 2026-01-31T08:30:00.000Z",
  )
  // Parsing alone takes the 30th of February for the 2nd of March.
  .refine((text) => isCalendarMoment(text), "is not a moment of the calendar");
export type Timestamp = z.infer<typeof Timestamp>;

export const timestampOf = (epochMs: number): Timestamp => new Date(epochMs).toISOString();

/** Of a change: later than that of the one before, so that no two versions carry the same, however fast they came. */
export const timestampAfter = (previous: Timestamp, epochMs: number): Timestamp =>
  timestampOf(Math.max(epochMs, Date.parse(previous) + 1));

/**
 * Whether an end has come: from its own millisecond on; null = there is none. Written so that a clock that tells no number
 * ends everything.
 */
export const hasEnded = (end: Timestamp | null, epochMs: number): boolean =>
  end !== null && !(epochMs < Date.parse(end));

function isCalendarMoment(text: string): boolean {
  const epochMs = Date.parse(text);
  return !Number.isNaN(epochMs) && timestampOf(epochMs) === text;
}
