/** A list of allowed tools: types such as `web_search`, and single functions as `function:<name>`. */

/** A type covers all tools of it; tools are named as in azure/tools-used.ts. */
export const allowsTool = (allowed: readonly string[], tool: string): boolean =>
  allowed.includes(tool) || allowed.includes(typeOf(tool));

const typeOf = (tool: string): string => {
  const colon = tool.indexOf(":");
  return colon === -1 ? tool : tool.slice(0, colon);
};

/** What both lists allow. */
export const commonTools = (left: readonly string[], right: readonly string[]): readonly string[] => [
  ...new Set([
    ...left.filter((tool) => allowsTool(right, tool)),
    ...right.filter((tool) => allowsTool(left, tool)),
  ]),
];
