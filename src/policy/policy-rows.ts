/** How policies lie in D1: one JSON document a row. Shared by the control plane's store and the snapshot loader. */
import * as z from "zod";
import { Policy } from "./policy.ts";

/** All policies of a scope, oldest first: ids are UUIDv7, so their order is their age. */
export const SELECT_POLICIES_OF_SCOPE = "SELECT document FROM policies WHERE scope = ?1 ORDER BY id";

const PolicyRow = z.object({ document: z.string() });

/** Throws on a row that no version of this program wrote. */
export const policyOfRow = (row: unknown): Policy => Policy.parse(JSON.parse(PolicyRow.parse(row).document));
