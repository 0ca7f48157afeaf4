/** Data classification: a total order, the higher the more sensitive. */
import * as z from "zod";

export const Classification = z.enum(["public", "internal", "confidential", "restricted"]);
export type Classification = z.infer<typeof Classification>;

export const withinCeiling = (actual: Classification, ceiling: Classification): boolean =>
  Classification.options.indexOf(actual) <= Classification.options.indexOf(ceiling);
