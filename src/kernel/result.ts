/**
 * Refusals are values, only bugs throw: every step that can refuse returns a Result, and the caller's guard
 * clause is `if (!x.ok) return x`.
 */
import type { Refusal } from "./refusal.ts";

export type Result<T, E = Refusal> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: E };

export const ok = <T>(value: T): Result<T, never> => ({ ok: true, value });
export const fail = <E>(error: E): Result<never, E> => ({ ok: false, error });
