/** Checks of the reading itself: what could not be read was not judged, and a report has to say so. */
import { DOCTOR_MAX_PAGES, LIST_MAX_LIMIT } from "../../kernel/limits.ts";
import { type Check, counted, type Found, named } from "./check.ts";

const readings = ["tenants", "deployments"] as const;

const documents: Check = {
  id: "documents",
  looksAt: "stored tenants and deployments that cannot be parsed",
  well: "Every stored document that was read can be parsed.",
  needs: [],
  find: (facts) =>
    readings.flatMap((what): readonly Found[] => {
      const { illegible } = facts[what];
      if (illegible.length === 0) return [];
      return [
        {
          severity: "error",
          subject: what,
          sentence: `The documents of ${counted(illegible.length, what.slice(0, -1))} cannot be parsed, which refuses calls with \`snapshot_unavailable\`: ${named(illegible)}.`,
          remedy: `Write them again with \`PUT\` at \`/v1/${what}\`, or deploy the version that wrote them.`,
        },
      ];
    }),
};

const notRead = {
  too_many: `Only the first ${DOCTOR_MAX_PAGES * LIST_MAX_LIMIT} were looked at`,
  unreachable: "Some could not be read, since a database did not answer",
} as const;

const coverage: Check = {
  id: "coverage",
  looksAt: "tenants and deployments that were not looked at: too many, or out of reach",
  well: "Every tenant and deployment was looked at.",
  needs: [],
  find: (facts) =>
    readings.flatMap((what): readonly Found[] => {
      const { rest } = facts[what];
      if (rest === null) return [];
      return [
        {
          severity: "warning",
          subject: what,
          sentence: `Not all ${what} were judged. ${notRead[rest]}.`,
          remedy: rest === "unreachable" ? "Ask again when the database answers." : null,
        },
      ];
    }),
};

export const readingChecks: readonly Check[] = [documents, coverage];
