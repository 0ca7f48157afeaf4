/**
 * From a test to the questions it puts to `decide`: what a test does not say is filled in here, the same for every test
 * and every witness of a diff. Place and end user are unknown unless said; the request itself is as small as can be.
 */
import { outputCapOf } from "../../azure/asked-tokens.ts";
import { assumedUnits } from "../../azure/asked-units.ts";
import { dearestPrice } from "../../azure/prices.ts";
import { type Capability, NOT_DELEGATED } from "../../capability/claims.ts";
import { AgentId, TokenId } from "../../kernel/ids.ts";
import { type LiteralMatcher, literalMatcher } from "../../kernel/literal-matcher.ts";
import { type Action, isOutputFixed } from "../action.ts";
import type { Constraints } from "../constraints.ts";
import { type AskContent, patternsOf } from "../content.ts";
import type { decide } from "../decide.ts";
import type { Ask } from "../decision.ts";
import { literalsOf } from "../denied-patterns.ts";
import { deploymentOfResource, type Resource } from "../resource.ts";
import type { Snapshot } from "../snapshot.ts";
import type { PolicyTest, TestAsk, TestPlace, TestPrincipal } from "./policy-test.ts";

export type DecideInput = Parameters<typeof decide>[0];

/** One of the questions that a test asks. */
export interface TestCase {
  readonly principal: TestPrincipal;
  readonly action: Action;
  readonly resource: Resource;
  readonly input: DecideInput;
}

/** What is asked, without what must come of it. */
export type TestQuestion = Omit<PolicyTest, "name" | "expect">;

const SOME_AGENT = AgentId.parse(`agent_${"0".repeat(32)}`);
const SOME_TOKEN = TokenId.parse(`token_${"0".repeat(32)}`);
const SECURE_TLS = "TLSv1.3";

export function* casesOf(test: TestQuestion, snapshot: Snapshot): Generator<TestCase> {
  // Once for all of its cases: they share what is said.
  const found = foundIn(test.ask?.texts ?? [], matcherOf(snapshot));
  for (const principal of test.principals ?? [{}])
    for (const action of test.actions)
      for (const resource of test.resources)
        yield {
          principal,
          action,
          resource,
          input: inputOf(test, principal, action, resource, snapshot, found),
        };
}

function inputOf(
  { at, place = {}, ask = {} }: TestQuestion,
  principal: TestPrincipal,
  action: Action,
  resource: Resource,
  snapshot: Snapshot,
  found: readonly string[],
): DecideInput {
  const nowMs = Date.parse(at);
  const capability = capabilityOf(principal, ask, snapshot, nowMs);
  const name = deploymentOfResource(resource);
  const deployment = snapshot.platform.deployments.find((one) => one.name === name);
  const { promptTokens = 1, maxOutputTokens = 1, choices = 1 } = ask;
  const cap = outputCapOf(action, deployment);
  const content = contentOf(ask, found, capability);
  const known = { pictures: choices, characters: content.promptCharacters ?? 1 };
  const units = deployment ? assumedUnits(action, known, deployment) : null;
  const asked: Ask = {
    action,
    resource,
    deployment: name ?? resource,
    promptTokens,
    outputTokens: maxOutputTokens === null ? null : Math.min(maxOutputTokens, cap),
    // As a call of the gateway is; who states no length asks as /v1/enforce may.
    ...(isOutputFixed(action) && maxOutputTokens !== null ? { outputIsFixed: true } : {}),
    choices,
    stream: false,
    classification: capability.classification,
    endUser: ask.user ?? null,
    clientAddress: place.clientAddress ?? null,
    price: deployment ? dearestPrice(deployment) : null,
    ...(units && { units }),
    tools: ask.tools === undefined ? [] : ask.tools,
    stores: ask.store === undefined ? false : ask.store,
    content,
  };
  return { capability, ask: asked, place: placeOf(place), snapshot, nowMs };
}

function capabilityOf(
  { agentId = SOME_AGENT, roles = [], tenantId, authorizationDetails }: TestPrincipal,
  { dataClassification = "internal" }: TestAsk,
  { tenant: { tenant } }: Snapshot,
  nowMs: number,
): Capability {
  const issuedAtSeconds = Math.floor(nowMs / 1_000);
  return {
    tokenId: SOME_TOKEN,
    signedBy: [],
    tenantId: tenantId ?? tenant.id,
    home: tenant.home,
    agentId,
    agentVersion: 1,
    principal: agentId,
    roles,
    classification: dataClassification,
    issuedAtSeconds,
    expiresAtSeconds: issuedAtSeconds + 900,
    authorization: authorizationDetails ?? null,
    mintedBy: null,
    delegation: NOT_DELEGATED,
    holderKey: null,
    rootTokenId: SOME_TOKEN,
    rootIssuedAtSeconds: issuedAtSeconds,
    refreshUntilSeconds: null,
    endUser: null,
  };
}

const placeOf = ({ country, tlsVersion, clientAddress }: TestPlace): DecideInput["place"] => ({
  country: country ?? null,
  continent: null,
  isEu: null,
  colo: null,
  tlsVersion: tlsVersion === undefined ? SECURE_TLS : tlsVersion,
  clientAddress: clientAddress ?? null,
});

/** @param found the texts that policies deny and that stand in the prompt. */
function contentOf(ask: TestAsk, found: readonly string[], { authorization }: Capability): AskContent {
  const { texts = [], parameters = {} } = ask;
  const written = texts?.reduce((sum, text) => sum + [...text].length, 0) ?? null;
  return {
    promptCharacters: ask.promptCharacters === undefined ? written : ask.promptCharacters,
    parameters,
    literals: texts && [...new Set([...found, ...foundIn(texts, matcherFor(authorization ?? []))])],
    canStrip: texts !== null,
  };
}

/** A snapshot's texts make an automaton that is too dear to make for every test. */
const matchers = new WeakMap<Snapshot, LiteralMatcher | null>();

function matcherOf(snapshot: Snapshot): LiteralMatcher | null {
  let matcher = matchers.get(snapshot);
  if (matcher === undefined) {
    matcher = matcherFor([...snapshot.platform.policies, ...snapshot.tenant.policies]);
    matchers.set(snapshot, matcher);
  }
  return matcher;
}

/** Null where no text is denied. */
function matcherFor(rules: readonly { readonly constraints: Constraints }[]): LiteralMatcher | null {
  const sought = new Set(
    rules.flatMap(({ constraints }) => {
      const patterns = patternsOf(constraints);
      return patterns ? literalsOf(patterns) : [];
    }),
  );
  return sought.size === 0 ? null : literalMatcher([...sought]);
}

function foundIn(texts: readonly string[], matcher: LiteralMatcher | null): readonly string[] {
  const found = new Set<string>();
  for (const text of texts) matcher?.find(text, found);
  return [...found];
}
