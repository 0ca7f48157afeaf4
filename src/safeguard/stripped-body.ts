/** `deniedPatterns` with `strip`: the body without the texts that policies deny, in every text of its prompt. */
import { mapPromptTexts } from "../azure/prompt-texts.ts";
import type { JsonObject } from "../kernel/json.ts";
import { type LiteralMatcher, literalMatcher } from "../kernel/literal-matcher.ts";
import { literalsOf, type PatternSet } from "../policy/denied-patterns.ts";

export interface StrippedBody {
  readonly body: JsonObject;
  /** Whether anything was removed. */
  readonly isStripped: boolean;
}

/** A policy's own set is the same object as long as its snapshot lives. */
const matchers = new WeakMap<PatternSet, LiteralMatcher>();

export function strippedBody(body: JsonObject, patterns: PatternSet | null): StrippedBody {
  if (patterns === null) return { body, isStripped: false };
  let matcher = matchers.get(patterns);
  if (!matcher) {
    matcher = literalMatcher(literalsOf(patterns));
    matchers.set(patterns, matcher);
  }
  const stripped = mapPromptTexts(body, matcher.strip);
  return { body: stripped, isStripped: stripped !== body };
}
