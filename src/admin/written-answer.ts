/**
 * How the control plane answers with an object: its entity tag beside it, and after a revisioned write the revision
 * too. The tag names the object as a GET shows it, so what a write answered can be the next write's precondition.
 */
import { ok, type Result } from "../kernel/result.ts";
import { entityTagOf } from "./entity-tag.ts";
import type { Answer } from "./operation.ts";
import type { Written } from "./revisioned-write.store.ts";

export async function objectAnswer(
  status: 200 | 201,
  object: Result<object>,
  more: object = {},
): Promise<Result<Answer>> {
  if (!object.ok) return object;
  return ok({ status, body: { ...object.value, ...more }, etag: await entityTagOf(object.value) });
}

export async function writtenAnswer(
  status: 200 | 201,
  written: Result<Written<object>>,
): Promise<Result<Answer>> {
  if (!written.ok) return written;
  const { value, revision } = written.value;
  return ok({ status, body: { ...value, revision }, revision, etag: await entityTagOf(value) });
}

export const deletedAnswer = (written: Result<Written<unknown>>): Result<Answer> =>
  written.ok ? ok({ status: 204, revision: written.value.revision }) : written;
