/** What of a query goes to Azure with a call about a stored answer: what the operation takes, and nothing else. */
import { MAX_QUERY_PARAMETERS, MAX_QUERY_VALUE_CHARACTERS } from "../kernel/limits.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { StoredOperation } from "./stored-operation.ts";

export function storedQuery(
  { query }: Pick<StoredOperation, "query">,
  given: URLSearchParams,
): Result<URLSearchParams> {
  const passed = new URLSearchParams();
  for (const [name, value] of given) {
    if (name === "api-version") continue;
    if (!query.includes(name)) return fail(refuse("query_invalid", { message: NOT_TAKEN }));
    if (value.length > MAX_QUERY_VALUE_CHARACTERS) return fail(refuse("query_invalid", { field: name }));
    passed.append(name, value);
  }
  return passed.size <= MAX_QUERY_PARAMETERS ? ok(passed) : fail(refuse("query_invalid"));
}

/** It is not named: what a caller puts there may be a credential. */
const NOT_TAKEN = "The query has a parameter that this operation does not take.";
