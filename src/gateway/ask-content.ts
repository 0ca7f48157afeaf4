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
  /** The same with what policies in shadow ask for as well: nothing live sees it. */
  readonly inShadow: AskContent;
}

const UNREAD: ReadContent = { content: UNREAD_CONTENT, isStripped: false, inShadow: UNREAD_CONTENT };

/** @param holdsFile whether there is more to the prompt than its texts, which nothing here can look into. */
export function askContent(
  { body, holdsFile }: { readonly body: JsonObject; readonly holdsFile: boolean },
  capability: Pick<Capability, "authorization" | "rootTokenId">,
  { action, resource }: Pick<Ask, "action" | "resource">,
  snapshot: Snapshot,
): ReadContent {
  const rules = rulesOf(snapshot);
  const ofPolicies = rules.covering(action, resource).content;
  const ofToken = contentDemand(tokenSets(capability, { action, resource }).flat());
  const ofShadow = rules.shadow?.covering(action, resource).content ?? null;
  const live = [ofPolicies, ofToken].filter((demand) => demand !== null);
  if (live.length === 0 && ofShadow === null) return UNREAD;

  const reader = createBodyReader(body, holdsFile);
  const content = contentFor(live, reader);
  const { literals } = content;
  return {
    content,
    isStripped: literals !== null && literals.length > 0 && live.some(({ strips }) => strips),
    inShadow: ofShadow === null ? content : contentFor([...live, ofShadow], reader),
  };
}

function contentFor(demands: readonly ContentDemand[], reader: BodyReader): AskContent {
  if (demands.length === 0) return UNREAD_CONTENT;
  const wantsCharacters = demands.some(({ characters }) => characters);
  const wantsTexts = wantsCharacters || demands.some(({ literals }) => literals.length > 0);
  const texts = wantsTexts ? reader.texts() : null;
  return {
    promptCharacters:
      texts && wantsCharacters ? texts.reduce((sum, text) => sum + charactersIn(text), 0) : null,
    parameters: demands.some(({ parameters }) => parameters) ? reader.parameters() : null,
    literals: texts && [...new Set(demands.flatMap(({ literals }) => reader.found(texts, literals)))],
    canStrip: texts !== null,
  };
}

type BodyReader = ReturnType<typeof createBodyReader>;

/** Reads the texts once, and searches them once for each list of literals. */
function createBodyReader(body: JsonObject, holdsFile: boolean) {
  let texts: readonly string[] | null | undefined;
  const known = new Map<readonly string[], readonly string[]>();
  return {
    texts(): readonly string[] | null {
      if (texts === undefined) texts = holdsFile ? null : promptTexts(body);
      return texts;
    },
    parameters: () => statedParameters(body),
    found(inTexts: readonly string[], literals: readonly string[]): readonly string[] {
      let found = known.get(literals);
      if (found === undefined) {
        found = literalsIn(inTexts, literals);
        known.set(literals, found);
      }
      return found;
    },
  };
}

/** The literals of a snapshot's policies are one array as long as it lives. */
const matchers = new WeakMap<readonly string[], LiteralMatcher>();

function literalsIn(texts: readonly string[], literals: readonly string[]): readonly string[] {
  if (literals.length === 0) return [];
  let matcher = matchers.get(literals);
  if (!matcher) {
    matcher = literalMatcher(literals);
    matchers.set(literals, matcher);
  }
  const found = new Set<string>();
  for (const text of texts) matcher.find(text, found);
  return [...found];
}
