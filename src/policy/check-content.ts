/** What constraints on the content of requests may get wrong: ranges and texts that could never mean what they say. */
import { numericParameters } from "../azure/numeric-parameters.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import type { Constraints } from "./constraints.ts";
import { needsNormalising } from "./denied-patterns.ts";

/** @param path where the constraints stand in the document. */
export const checkContent = (constraints: Constraints, path: string): Refusal | null =>
  checkParameters(constraints, `${path}.parameters`) ?? checkPatterns(constraints, `${path}.deniedPatterns`);

function checkParameters({ parameters }: Constraints, path: string): Refusal | null {
  if (parameters === undefined) return null;
  const ranges = Object.entries(parameters);
  if (ranges.length === 0) return meaningless(path, "`parameters` names no parameter.");
  for (const [name, { min, max }] of ranges) {
    const field = `${path}.${name}`;
    // A name with a slip of the pen would bound nothing.
    if (!numericParameters.includes(name)) {
      const message = `\`${name}\` is none of the parameters that a range can bound; \`maxOutputTokens\` bounds the output.`;
      return meaningless(field, message);
    }
    if (min === undefined && max === undefined)
      return meaningless(field, "A range needs `min`, `max` or both.");
    if (min !== undefined && max !== undefined && min > max) return meaningless(field, "The range is empty.");
  }
  return null;
}

function checkPatterns({ deniedPatterns }: Constraints, path: string): Refusal | null {
  if (deniedPatterns === undefined) return null;
  const { builtIn = [], patterns = [] } = deniedPatterns;
  if (builtIn.length + patterns.length === 0) return meaningless(path, "`deniedPatterns` names no text.");
  const odd = patterns.findIndex(needsNormalising);
  const message =
    "A text is written in Unicode's composed form (NFC), without spaces around it and without characters that cannot be seen.";
  return odd === -1 ? null : meaningless(`${path}.patterns[${odd}]`, message);
}

export const meaningless = (field: string, message: string): Refusal =>
  refuse("meaningless", { field, message });
