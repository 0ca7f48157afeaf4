/** The query of a list: a page size and the cursor of the page before. */
import * as z from "zod";
import { LIST_DEFAULT_LIMIT, LIST_MAX_LIMIT } from "../kernel/limits.ts";

const limit = z
  .string()
  .regex(/^[1-9]\d{0,3}$/, `must be a whole number from 1 to ${LIST_MAX_LIMIT}`)
  .transform(Number)
  .refine((value) => value <= LIST_MAX_LIMIT, `must be a whole number from 1 to ${LIST_MAX_LIMIT}`)
  .default(LIST_DEFAULT_LIMIT);

export const ListQuery = z.strictObject({ cursor: z.string().min(1).max(1_024).optional(), limit });
export type ListQuery = z.infer<typeof ListQuery>;
