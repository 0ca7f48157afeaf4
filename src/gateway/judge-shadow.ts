/** The policies in shadow, judged beside the live decision on an ask, of which they change nothing. */
import type { DecideInput } from "../policy/candidate.ts";
import type { Outcome } from "../policy/outcome.ts";
import { rulesOf } from "../policy/rules.ts";
import { type ShadowJudgement, shadowOfAsk } from "../policy/shadow.ts";
import type { Understood } from "./question.ts";

/** Null where none is in shadow. @param live what `decide` says under the live policies. */
export async function judgeShadow(
  input: DecideInput,
  understood: Understood,
  live: Outcome,
): Promise<ShadowJudgement | null> {
  if (rulesOf(input.snapshot).shadow === null) return null;
  const judgeAs = ({ ask, contentInShadow = ask.content }: Understood) =>
    shadowOfAsk(
      {
        ...input,
        ask: {
          ...ask,
          content: contentInShadow,
          // Nothing is counted in shadow, so all that matters of an address is whether there is one.
          clientAddress: ask.clientAddress ?? input.place.clientAddress,
        },
      },
      live,
    );
  const judged = judgeAs(understood);
  if (!judged?.promptTooLong || understood.refine === null) return judged;
  // A live policy would have had the prompt counted. A tokenizer that cannot be read fails no request for a shadow's sake.
  return judgeAs(await understood.refine().catch(() => understood));
}
