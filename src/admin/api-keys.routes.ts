/** `/v1/keys`: who may use the control plane. A key's text is in the answer to its creation and nowhere else. */
import { type ApiKey, apiKeyHash, mintApiKeyText } from "../capability/api-key.ts";
import { checkApiKeyEnd } from "../capability/api-key-end.ts";
import { asked } from "../kernel/asked.ts";
import { ApiKeyId, PLATFORM } from "../kernel/ids.ts";
import { type Refusal, refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import { PLATFORM_HOME } from "../residency/home.ts";
import { apiKeyDescriptions } from "./api-key-descriptions.ts";
import type { ControlPlaneDeps } from "./control-plane-deps.ts";
import { checkIfMatch } from "./if-match.ts";
import { type Caller, type Operation, operation } from "./operation.ts";
import { notFound, tenantOf } from "./tenant-access.ts";
import { addressOf } from "./tenant-address.ts";
import { objectAnswer } from "./written-answer.ts";

/** Keys are platform state, so their records are the platform's, whichever tenant they are bound to. */
const platform = { scope: PLATFORM, home: PLATFORM_HOME, revision: null } as const;

export const apiKeyOperations = (deps: ControlPlaneDeps): readonly Operation[] => [
  operation(
    apiKeyDescriptions.create,
    async ({ body: { name, scopes, tenantId: requested, expiresAt = null }, ...caller }) => {
      const scope = tenantOf(caller.apiKey, requested, PLATFORM, "tenantId");
      if (!scope.ok) return scope;
      const address = await addressOf(deps.tenants, scope.value, "tenantId");
      if (!address.ok) return address;
      const beyond = scopes.find((wanted) => !caller.apiKey.scopes.includes(wanted));
      // A bound key would otherwise make itself whatever its tenant's administrator withheld.
      if (caller.apiKey.tenantId !== null && beyond !== undefined) {
        const message = `The API key lacks \`${beyond}\` and cannot give it away.`;
        return fail(refuse("scope_missing", { field: "scopes", message }));
      }
      const nowMs = deps.clock();
      const refusal = checkApiKeyEnd(expiresAt, caller.apiKey, nowMs);
      if (refusal !== null) return fail(refusal);
      const key = mintApiKeyText(deps.random);
      const apiKey: ApiKey = {
        id: deps.ids.apiKey(),
        name,
        scopes,
        tenantId: scope.value === PLATFORM ? null : scope.value,
        createdAt: timestampOf(nowMs),
        expiresAt,
      };
      const facts = { caller, ...platform, operation: "key.create", objectId: apiKey.id, nowMs };
      const hash = await apiKeyHash(key);
      const stored = await deps.apiKeys.insert({ apiKey, hash }, [deps.changes.statement(facts)]);
      if (!stored.ok) return stored;
      deps.background(asked(() => deps.deliverOutbox(PLATFORM, PLATFORM_HOME)));
      return objectAnswer(201, ok(apiKey), { key });
    },
  ),
  operation(apiKeyDescriptions.list, async ({ query: { tenant: requested, ...page }, apiKey }) => {
    const scope = tenantOf(apiKey, requested, PLATFORM, "tenant");
    if (!scope.ok) return scope;
    const address = await addressOf(deps.tenants, scope.value, "tenant");
    if (!address.ok) return address;
    const tenantId = scope.value === PLATFORM ? undefined : scope.value;
    const keys = await deps.apiKeys.list({ ...page, tenantId });
    return keys.ok ? ok({ status: 200, body: keys.value }) : keys;
  }),
  operation(apiKeyDescriptions.get, async ({ param, apiKey }) => {
    const found = await findApiKey(deps, param("id"), apiKey);
    return objectAnswer(200, found);
  }),
  operation(apiKeyDescriptions.delete, async ({ param, ifMatch, ...caller }) => {
    const found = await findApiKey(deps, param("id"), caller.apiKey);
    if (!found.ok) return found;
    // A key never changes, so what was read is what is deleted, if it is still there.
    const unmet = await checkIfMatch(ifMatch, found.value);
    if (unmet !== null) return fail(unmet);
    const { id } = found.value;
    const nowMs = deps.clock();
    const facts = { caller, ...platform, operation: "key.delete", objectId: id, nowMs };
    const isKeeper = found.value.tenantId === null && found.value.scopes.includes("keys:write");
    const guards = isKeeper ? [deps.keyKeepers.guard(nowMs)] : [];
    const deleted = await deps.apiKeys.delete(id, [...guards, deps.changes.statement(facts)]);
    if (!deleted.ok) return isKeeper ? whyNotDeleted(deps, id, nowMs, deleted.error) : deleted;
    deps.background(asked(() => deps.deliverOutbox(PLATFORM, PLATFORM_HOME)));
    // Of two deletions at once, one found nothing.
    return deleted.value ? ok({ status: 204 }) : fail(notFound("API key"));
  }),
];

async function findApiKey(
  { apiKeys }: Pick<ControlPlaneDeps, "apiKeys">,
  text: string,
  apiKey: Caller["apiKey"],
): Promise<Result<ApiKey>> {
  const id = ApiKeyId.safeParse(text);
  if (!id.success) return fail(notFound("API key"));
  const found = await apiKeys.get(id.data);
  if (!found.ok) return found;
  const isVisible = apiKey.tenantId === null || apiKey.tenantId === found.value?.tenantId;
  return found.value !== null && isVisible ? ok(found.value) : fail(notFound("API key"));
}

/** Why a deletion was not taken: nobody could make keys any more, or the store could not be asked. */
async function whyNotDeleted(
  { keyKeepers }: Pick<ControlPlaneDeps, "keyKeepers">,
  id: ApiKeyId,
  nowMs: number,
  failure: Refusal,
): Promise<Result<never>> {
  const others = await keyKeepers.existBeside(id, nowMs);
  const isLast = others.ok && !others.value;
  const message = "This is the last platform key that can make keys.";
  return fail(isLast ? refuse("in_use", { message }) : failure);
}
