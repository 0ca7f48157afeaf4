/** What the operations of `/v1/keys` take and answer. */
import * as z from "zod";
import { ApiKey, ApiKeyInput } from "../capability/api-key.ts";
import { ApiKeyId, TenantId } from "../kernel/ids.ts";
import { listPageOf } from "../kernel/list-page.ts";
import { ListQuery } from "./list-query.ts";
import { described, NoBody, NoQuery } from "./operation-description.ts";

const ApiKeysQuery = ListQuery.extend({ tenant: TenantId.optional() });
const ApiKeyDocument = ApiKey.meta({ id: "ApiKey" });
const NewApiKey = ApiKey.extend({
  key: z.string().meta({ description: "The key's text. It is shown here and nowhere else." }),
}).meta({ id: "NewApiKey" });
const params = { id: ApiKeyId };

export const apiKeyDescriptions = {
  create: described({
    method: "POST",
    path: "/keys",
    operationId: "createApiKey",
    summary: "Make an API key. Its text is in this answer and nowhere else.",
    scope: "keys:write",
    query: NoQuery,
    body: ApiKeyInput.meta({ id: "ApiKeyInput" }),
    example: { name: "deployment pipeline", scopes: ["agents:read", "tokens:write"] },
    answer: { status: 201, schema: NewApiKey, hasEtag: true },
    refusals: ["tenant_mismatch", "not_found", "home_not_configured", "meaningless"],
  }),
  list: described({
    method: "GET",
    path: "/keys",
    operationId: "listApiKeys",
    summary: "List API keys, of one tenant or all.",
    scope: "keys:read",
    query: ApiKeysQuery,
    body: NoBody,
    answer: { status: 200, schema: listPageOf(ApiKeyDocument).meta({ id: "ApiKeyPage" }) },
    refusals: ["tenant_mismatch", "not_found", "home_not_configured"],
  }),
  get: described({
    method: "GET",
    path: "/keys/:id",
    operationId: "getApiKey",
    summary: "Look up an API key.",
    scope: "keys:read",
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 200, schema: ApiKeyDocument, hasEtag: true },
  }),
  delete: described({
    method: "DELETE",
    path: "/keys/:id",
    operationId: "deleteApiKey",
    summary: "Delete an API key. The last platform key that can make keys stays.",
    scope: "keys:write",
    params,
    query: NoQuery,
    body: NoBody,
    answer: { status: 204, schema: null },
    refusals: ["in_use"],
  }),
};
