/** How far processing may spread, or does: one region, one data zone, or wherever Azure has room. */
import * as z from "zod";

export const Processing = z.enum(["region", "zone", "global"]);
export type Processing = z.infer<typeof Processing>;

export const narrowness: Readonly<Record<Processing, number>> = { region: 0, zone: 1, global: 2 };
