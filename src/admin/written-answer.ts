/** How a revisioned write answers: with the object and the revision it made, or, for a deletion, the revision alone. */
import { ok, type Result } from "../kernel/result.ts";
import type { Answer } from "./operation.ts";
import type { Written } from "./revisioned-write.store.ts";

export function writtenAnswer(status: 200 | 201, written: Result<Written<object>>): Result<Answer> {
  if (!written.ok) return written;
  const { value, revision } = written.value;
  return ok({ status, body: { ...value, revision }, revision });
}

export const deletedAnswer = (written: Result<Written<unknown>>): Result<Answer> =>
  written.ok ? ok({ status: 204, revision: written.value.revision }) : written;
