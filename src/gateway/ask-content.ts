/** What a body's content is, as far as some policy or the token asks: most requests are not looked at for it. */
import { statedParameters } from "../azure/numeric-parameters.ts";
import { charactersIn, promptTexts } from "../azure/prompt-texts.ts";
import type { Capability } from "../capability/claims.ts";
import type { JsonObject } from "../kernel/json.ts";
import { type LiteralMatcher, literalMatcher } from "../kernel/literal-matcher.ts";
import { type AskContent, type ContentDemand, contentDemand, UNREAD_CONTENT } from "../policy/content.ts";
import type { Ask } from "../policy/decision.ts";
import { tokenSets } from "../policy/exclusion.ts";
import { rulesOf } from "../policy/rules.ts";
import type { Snapshot } from "../policy/snapshot.ts";

export interface ReadContent {
  readonly content: AskContent;
  /** Whether a text may be removed from the prompt before it goes to Azure. */
  readonly isStripped: boolean;
}

const UNREAD: ReadContent = { content: UNREAD_CONTENT, isStripped: false };

export function askContent(
  body: JsonObject,
  capability: Pick<Capability, "authorization" | "tokenId">,
  asked: Pick<Ask, "action" | "resource">,
  snapshot: Snapshot,
): ReadContent {
  const ofPolicies = rulesOf(snapshot).covering(asked.action, asked.resource).content;
  const ofToken =
    capability.authorization === null
      ? null
      : contentDemand(tokenSets(capability, asked).filter((set) => set !== null));
  const demands = [ofPolicies, ofToken].filter((demand) => demand !== null);
  if (demands.length === 0) return UNREAD;

  const wantsCharacters = demands.some(({ characters }) => characters);
  const wantsTexts = wantsCharacters || demands.some(({ literals }) => literals.length > 0);
  const texts = wantsTexts ? promptTexts(body) : null;
  const literals = texts && literalsIn(texts, demands);
  return {
    content: {
      promptCharacters:
        texts && wantsCharacters ? texts.reduce((sum, text) => sum + charactersIn(text), 0) : null,
      parameters: demands.some(({ parameters }) => parameters) ? statedParameters(body) : null,
      literals,
      canStrip: texts !== null,
    },
    isStripped: literals !== null && literals.length > 0 && demands.some(({ strips }) => strips),
  };
}

/** The literals of a snapshot's policies are one array as long as it lives. */
const matchers = new WeakMap<readonly string[], LiteralMatcher>();

function literalsIn(texts: readonly string[], demands: readonly ContentDemand[]): readonly string[] {
  const found = new Set<string>();
  for (const { literals } of demands) {
    if (literals.length === 0) continue;
    let matcher = matchers.get(literals);
    if (!matcher) {
      matcher = literalMatcher(literals);
      matchers.set(literals, matcher);
    }
    for (const text of texts) matcher.find(text, found);
  }
  return [...found];
}
