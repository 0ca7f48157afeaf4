/**
 * What policies ask about the content of a request, and what they make of it. Facts, never the content: how long the
 * prompt is, what its parameters are, which of the texts that some policy denies stand in it.
 */
import { numericParameters } from "../azure/numeric-parameters.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import type { ConstraintSet } from "./constraint-set.ts";
import type { Constraints } from "./constraints.ts";
import { literalsOf, type PatternSet, patternNamed } from "./denied-patterns.ts";
import { indeterminate } from "./indeterminate.ts";

/** A fact that nobody asked for, or that nobody can tell, is null. */
export interface AskContent {
  /** Unicode code points of all texts of the prompt. */
  readonly promptCharacters: number | null;
  /** By name, where stated; null in here where the value is no number. */
  readonly parameters: Readonly<Record<string, number | null>> | null;
  /** Those of the literals that policies deny or strip; folded. */
  readonly literals: readonly string[] | null;
  /** Whether whatever is to be stripped can be: by the gateway, or by a caller of /v1/enforce. */
  readonly canStrip: boolean;
}

export const UNREAD_CONTENT: AskContent = {
  promptCharacters: null,
  parameters: null,
  literals: null,
  canStrip: false,
};

/** Which facts some constraints ask for. */
export interface ContentDemand {
  readonly characters: boolean;
  readonly parameters: boolean;
  /** Folded; the same array for the same snapshot. */
  readonly literals: readonly string[];
  /** Whether some of them are to be removed. */
  readonly strips: boolean;
}

/** Null where none of them asks about the content. */
export function contentDemand(sets: readonly ConstraintSet[]): ContentDemand | null {
  const asking = sets.filter(({ contentChecks }) => contentChecks.length > 0);
  if (asking.length === 0) return null;
  return {
    characters: asking.some(({ constraints }) => constraints.maxPromptCharacters !== undefined),
    parameters: asking.some(({ constraints }) => constraints.parameters !== undefined),
    literals: [...new Set(asking.flatMap(({ patterns }) => (patterns ? literalsOf(patterns) : [])))],
    strips: asking.some(({ constraints }) => constraints.deniedPatterns?.action === "strip"),
  };
}

export type ContentCheck = (content: AskContent) => Refusal | null;

/** The texts that these constraints deny or strip. */
export const patternsOf = ({ deniedPatterns }: Constraints): PatternSet | null =>
  deniedPatterns === undefined
    ? null
    : { builtIn: deniedPatterns.builtIn ?? [], patterns: deniedPatterns.patterns ?? [] };

export function contentChecksOf(constraints: Constraints): readonly ContentCheck[] {
  const { maxPromptCharacters, parameters, deniedPatterns } = constraints;
  const patterns = patternsOf(constraints);
  const checks: ContentCheck[] = [];
  if (maxPromptCharacters !== undefined) checks.push(charactersCheck(maxPromptCharacters));
  for (const [name, range] of Object.entries(parameters ?? {})) checks.push(parameterCheck(name, range));
  if (patterns && deniedPatterns) checks.push(patternsCheck(patterns, deniedPatterns.action));
  return checks;
}

const charactersCheck =
  (limit: number): ContentCheck =>
  ({ promptCharacters: actual }) => {
    const constraint = "maxPromptCharacters";
    if (actual === null) return indeterminate(constraint, "text of the prompt");
    return actual <= limit
      ? null
      : refuse("prompt_characters_exceeded", { evidence: { constraint, actual, limit } });
  };

type Range = NonNullable<Constraints["parameters"]>[string];

function parameterCheck(name: string, range: Range): ContentCheck {
  const { min = -Infinity, max = Infinity } = range;
  return ({ parameters }) => {
    if (parameters === null || !numericParameters.includes(name)) return indeterminate("parameters", name);
    const actual = parameters[name];
    // What a caller leaves out is Azure's to choose.
    if (actual === undefined) return null;
    if (actual !== null && min <= actual && actual <= max) return null;
    return refuse("parameter_not_allowed", {
      message: `\`${name}\` is outside the range that a policy allows.`,
      field: name,
      evidence: {
        constraint: "parameters",
        parameter: name,
        actual: actual ?? "no number",
        limit: textOf(range),
      },
    });
  };
}

const textOf = ({ min, max }: Range): string =>
  [min === undefined ? "" : `at least ${min}`, max === undefined ? "" : `at most ${max}`].join(" ").trim();

function patternsCheck(patterns: PatternSet, action: "deny" | "strip"): ContentCheck {
  const constraint = "deniedPatterns";
  if (action === "strip")
    return ({ canStrip }) => (canStrip ? null : indeterminate(constraint, "text of the prompt"));
  const denied = literalsOf(patterns);
  return ({ literals }) => {
    if (literals === null) return indeterminate(constraint, "text of the prompt");
    const found = literals.length === 0 ? undefined : denied.find((literal) => literals.includes(literal));
    return found === undefined
      ? null
      : refuse("pattern_denied", { evidence: { constraint, actual: patternNamed(patterns, found) } });
  };
}
