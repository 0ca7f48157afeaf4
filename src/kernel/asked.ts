/** A store that fails by throwing, asked: from here on a failure is a refusal. */
import { refuse } from "./refusal.ts";
import { fail, ok, type Result } from "./result.ts";
import { unsettledWrite } from "./unsettled-write.ts";

/** D1 reports failures by throwing; from here on they are a refusal. */
export async function asked<T>(question: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await question());
  } catch {
    return fail(refuse("store_unavailable"));
  }
}

/** For a write: nobody knows whether it was made when its answer is a failure. */
export async function askedToWrite<T>(question: () => Promise<T>): Promise<Result<T>> {
  const answer = await asked(question);
  return answer.ok ? answer : fail(unsettledWrite());
}
