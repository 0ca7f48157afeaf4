/** Pure parts alone, measured inside workerd. */
import { unstable_readConfig } from "wrangler";
import { wranglerConfig } from "../local/state-folder.ts";
import { type Row, row } from "./figures.ts";
import { MicroAnswer, MicroQuestion } from "./micro-contract.ts";
import type { Plan } from "./plan.ts";

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
  return [
    row(
      "decide",
      "decide with 100 policies, warm",
      "µs",
      answers.map(({ decideMicroseconds }) => decideMicroseconds),
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
    ),
    row(
      "verify_seen",
      "token verification, token seen before",
      "µs",
      answers.map(({ verifySeenMicroseconds }) => verifySeenMicroseconds),
    ),
    row(
      "receipt",
      "receipt made and signed (Ed25519)",
      "µs",
      answers.map(({ receiptMicroseconds }) => receiptMicroseconds),
    ),
  ];
}
