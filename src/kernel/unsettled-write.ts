/**
 * A write whose answer never came may have been made all the same, or may still be. The refusal says so: a caller who
 * took it for "nothing happened" would make the change twice.
 */
import { type Refusal, refuse } from "./refusal.ts";

export const unsettledWrite = (): Refusal =>
  refuse("store_unavailable", {
    message: "A store did not confirm the change; it may have been made. Look before you repeat it.",
  });
