/** How policies lie in D1: one JSON document a row. Shared by the control plane's store and the snapshot loader. */
import * as z from "zod";
import { Policy, PolicyDocument } from "./policy.ts";

/** All policies of a scope, oldest first: ids are UUIDv7, so their order is their age. */
export const SELECT_POLICIES_OF_SCOPE = "SELECT document FROM policies WHERE scope = ?1 ORDER BY id";

/** The same without the tests that policies carry: no decision looks at them, so no snapshot pays for them. */
export const SELECT_RULES_OF_SCOPE =
  "SELECT json_remove(document, '$.tests') AS document FROM policies WHERE scope = ?1 ORDER BY id";

const PolicyRow = z.object({ document: z.string() });
const parsedRow = (row: unknown): unknown => JSON.parse(PolicyRow.parse(row).document);

/** Throws on a row that no version of this program wrote. */
export const policyOfRow = (row: unknown): Policy => Policy.parse(parsedRow(row));
export const documentOfRow = (row: unknown): PolicyDocument => PolicyDocument.parse(parsedRow(row));
