/** Pure parts alone, measured inside workerd. */
import { unstable_readConfig } from "wrangler";
import { wranglerConfig } from "../local/state-folder.ts";
import { type Row, row } from "./figures.ts";
import { DecideCase, decideCases, MicroAnswer, MicroQuestion } from "./micro-contract.ts";
import type { Plan } from "./plan.ts";

const DECIDE_TARGET = { atMost: 20 };
const VERIFY_TARGET = { atMost: 100 };
const VERIFY_SEEN_TARGET = { atMost: 10 };
/** Linear would be ten. */
const GROWTH_TARGET = { atMost: 2 };

export async function microRows(
  port: number,
  { microRounds, microRepeats }: Plan,
  given: Pick<MicroQuestion, "signingKeys" | "receiptKeys" | "token">,
): Promise<readonly Row[]> {
  const { vars } = unstable_readConfig({ config: wranglerConfig });
  const question: MicroQuestion = MicroQuestion.parse({
    ...given,
    rounds: microRounds,
    issuer: vars.ISSUER,
    audience: vars.AUDIENCE,
  });
  const ask = async () => {
    const request = { method: "POST", body: JSON.stringify(question) };
    return MicroAnswer.parse(await (await fetch(`http://127.0.0.1:${port}/`, request)).json());
  };
  // Warm: the first answers pay for compilation.
  await ask();
  await ask();
  const answers: MicroAnswer[] = [];
  for (let repeat = 0; repeat < microRepeats; repeat++) answers.push(await ask());
  const decideMicroseconds = (id: DecideCase) => answers.map(({ decide }) => decide[id]);
  return [
    ...DecideCase.options.map((id) =>
      row(id, decideCases[id], "µs", decideMicroseconds(id), ...(id === "decide" ? [DECIDE_TARGET] : [])),
    ),
    row(
      "decide_growth",
      "decide with 1,000 policies ÷ with 100, of which four cover the ask",
      "",
      decideMicroseconds("decide_sparse_1000").map(
        (microseconds, index) =>
          microseconds / (decideMicroseconds("decide_sparse_100")[index] ?? Number.NaN),
      ),
      GROWTH_TARGET,
    ),
    row(
      "admit",
      "admission under a promise, 32 backends",
      "µs",
      answers.map(({ admitMicroseconds }) => admitMicroseconds),
      { atMost: 50 },
    ),
    row(
      "verify",
      "token verification (Ed25519)",
      "µs",
      answers.map(({ verifyMicroseconds }) => verifyMicroseconds),
      VERIFY_TARGET,
    ),
    row(
      "verify_seen",
      "token verification, token seen before",
      "µs",
      answers.map(({ verifySeenMicroseconds }) => verifySeenMicroseconds),
      VERIFY_SEEN_TARGET,
    ),
    row(
      "receipt",
      "receipt made and signed (Ed25519)",
      "µs",
      answers.map(({ receiptMicroseconds }) => receiptMicroseconds),
    ),
  ];
}
