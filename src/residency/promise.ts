/** A tenant's residency promise: in which zone its data is processed, and how narrowly (DESIGN section 8). */
import * as z from "zod";
import { Processing } from "./processing.ts";

export const ResidencyPromise = z.strictObject({
  /** `none` promises nothing; the home still decides where the stores are. */
  zone: z.enum(["none", "eu", "us"]).default("none"),
  /** How far Azure may spread processing: one region, the zone, or anywhere. */
  processing: Processing.default("zone"),
  /**
   * Two readings of "EU", for callers, locations and backends alike: Microsoft's EU Data Boundary (the EU and EFTA) or
   * members only.
   */
  euReading: z.enum(["data_boundary", "members"]).default("data_boundary"),
  /** Where requests may come in: inside the zone, or anywhere if the tenant allows it. */
  ingress: z.enum(["zone", "anywhere"]).default("zone"),
});
export type ResidencyPromise = z.infer<typeof ResidencyPromise>;

export const NO_PROMISE: ResidencyPromise = ResidencyPromise.parse({});
