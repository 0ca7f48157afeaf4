/** What a caller can ask otherwise, by name, and the decision's input with it. */
import type { DecideInput } from "../candidate.ts";

/** How each is set; null where the value does not fit. */
const fields: Readonly<Record<string, (input: DecideInput, to: unknown) => DecideInput | null>> = {
  promptTokens: (input, to) => (typeof to === "number" ? withAsk(input, { promptTokens: to }) : null),
  tools: (input, to) =>
    Array.isArray(to) ? withAsk(input, { tools: to.filter((tool) => typeof tool === "string") }) : null,
  store: (input, to) => (typeof to === "boolean" ? withAsk(input, { stores: to }) : null),
  endUser: (input) => withAsk(input, { endUser: "named" }),
  promptCharacters: (input, to) =>
    typeof to === "number" ? withContent(input, { promptCharacters: to }) : null,
  parameters: (input) => withContent(input, { parameters: {} }),
  deniedPatterns: (input) => withContent(input, { literals: [] }),
  tlsVersion: (input, to) =>
    typeof to === "string" ? { ...input, place: { ...input.place, tlsVersion: to } } : null,
};

export type RequestField = keyof typeof fields | `parameters.${string}`;

/** @param to of `parameters.<name>`: null = left out. */
export function changedRequest(input: DecideInput, field: string | null, to: unknown): DecideInput {
  const [key = "", parameter] = (field ?? "").split(".");
  if (key !== "parameters" || parameter === undefined) return fields[key]?.(input, to) ?? input;
  const { [parameter]: _, ...others } = input.ask.content.parameters ?? {};
  return withContent(input, {
    parameters: typeof to === "number" ? { ...others, [parameter]: to } : others,
  });
}

const withAsk = (input: DecideInput, changes: Partial<DecideInput["ask"]>): DecideInput => ({
  ...input,
  ask: { ...input.ask, ...changes },
});

const withContent = (input: DecideInput, changes: Partial<DecideInput["ask"]["content"]>): DecideInput =>
  withAsk(input, { content: { ...input.ask.content, ...changes } });
