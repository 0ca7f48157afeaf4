/** What calls are billed by where that is not the token. */
import * as z from "zod";

export const Unit = z.enum(["picture", "character", "audio_second"]);
export type Unit = z.infer<typeof Unit>;

const amount = z.int().min(0);

/** What one call is billed by, known before it is made: its price, and how much of it there can be. */
export const AskedUnits = z.strictObject({
  unit: Unit,
  /** Null = nothing bounds how many. */
  atMost: amount.nullable(),
  /** Of one; null = not known. */
  picoUsdPerUnit: amount.nullable(),
});
export type AskedUnits = z.infer<typeof AskedUnits>;

/** What a call was billed by. */
export const UsedUnits = z.strictObject({ unit: Unit, count: amount });
export type UsedUnits = z.infer<typeof UsedUnits>;
