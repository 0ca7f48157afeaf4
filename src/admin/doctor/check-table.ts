/** Every check of the doctor, in the order of a report: what is underneath comes first. */
import type { Check } from "./check.ts";
import { keyChecks } from "./key-checks.ts";
import { promiseChecks } from "./promise-checks.ts";
import { readingChecks } from "./reading-checks.ts";
import { storeChecks } from "./store-checks.ts";

export const checkTable: readonly Check[] = [
  ...storeChecks,
  ...readingChecks,
  ...keyChecks,
  ...promiseChecks,
];
