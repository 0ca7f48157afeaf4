/** The check of API keys: whether they end soon, have ended, or are old, and whether somebody can make more. */
import { DAY_MS } from "../../kernel/clock.ts";
import type { ApiKeyId } from "../../kernel/ids.ts";
import { DOCTOR_MAX_EXAMPLES } from "../../kernel/limits.ts";
import { hasEnded } from "../../kernel/timestamp.ts";
import type { Check, Found } from "./check.ts";
import { API_KEY_OLD_DAYS, type ApiKeyFacts, KEY_NEAR_END_DAYS } from "./facts.ts";

const REPLACE = "Make a new key at `/v1/keys`, move its users, delete the old one.";

const apiKeys: Check = {
  id: "api_keys",
  looksAt: `API keys that end within ${KEY_NEAR_END_DAYS} days, have ended, or are older than ${API_KEY_OLD_DAYS} days; until when one of the platform can make others`,
  well: "No API key is near its end, past it or old, as far as they could be read.",
  needs: [],
  find({ apiKeys: keys, gatheredAtMs }) {
    if (keys === null) return [];
    return [
      ...keepers(keys, gatheredAtMs),
      ...listed(keys.nearEnd, {
        severity: "warning",
        what: `end within ${KEY_NEAR_END_DAYS} days`,
        consequence: "After their end they open nothing.",
        remedy: REPLACE,
      }),
      ...listed(keys.ended, {
        severity: "note",
        what: "have ended",
        consequence: "They open nothing.",
        remedy: "Delete those that nobody uses any more.",
      }),
      ...listed(keys.old, {
        severity: "note",
        what: `are older than ${API_KEY_OLD_DAYS} days`,
        consequence: "They stay good until they end or are deleted.",
        remedy: REPLACE,
      }),
    ];
  },
};

interface Telling extends Pick<Found, "severity" | "remedy"> {
  readonly what: string;
  readonly consequence: string;
}

function listed(
  ids: readonly ApiKeyId[],
  { severity, what, consequence, remedy }: Telling,
): readonly Found[] {
  const [first] = ids;
  if (first === undefined) return [];
  const shown = ids.slice(0, DOCTOR_MAX_EXAMPLES).join(", ");
  const more = ids.length > DOCTOR_MAX_EXAMPLES ? " and more" : "";
  const sentence = `API keys that ${what}: ${shown}${more}. ${consequence}`;
  return [{ severity, subject: first, sentence, remedy }];
}

/** Without one, a key that is lost or has ended can be replaced in the database alone. */
function keepers({ lastKeeper }: ApiKeyFacts, nowMs: number): readonly Found[] {
  if (lastKeeper === null || hasEnded(lastKeeper.endsAt, nowMs)) {
    const sentence = "No API key of the platform can make keys (`keys:write`).";
    const remedy = 'Insert a new one into the platform database: docs/operations.md, "API keys".';
    return [{ severity: "error", subject: null, sentence, remedy }];
  }
  if (!hasEnded(lastKeeper.endsAt, nowMs + KEY_NEAR_END_DAYS * DAY_MS)) return [];
  const sentence = `After ${lastKeeper.endsAt} no API key of the platform can make keys (\`keys:write\`).`;
  const remedy = "Make another before, or one without an end.";
  return [{ severity: "warning", subject: null, sentence, remedy }];
}

export const apiKeyChecks: readonly Check[] = [apiKeys];
