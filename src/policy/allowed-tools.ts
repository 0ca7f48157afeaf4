/** A list of allowed tools: types such as `web_search`, and single functions as `function:<name>`. */
import * as z from "zod";

/** As azure/tools-used.ts names them. */
export const ToolName = z
  .string()
  .max(256)
  .regex(/^\w+(?::[\w.-]+)?$/, "must be a type of tool, or function:<name>");

/** A type covers all tools of it. */
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
