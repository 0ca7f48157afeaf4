/**
 * The data plane's routes as data, read off the surface table. Bodies and answers of model calls are Azure's; the gateway
 * checks what it acts on and passes the rest.
 */
import * as z from "zod";
import { DeploymentName } from "../azure/deployment.ts";
import { type Operation, operations } from "../azure/operation.ts";
import { namedInBody } from "../azure/path-table.ts";
import { STORED_ID, type StoredOperation, storedOperations } from "../azure/stored-operation.ts";
import { type RefusalCode, refusalCodes } from "../kernel/refusal.ts";
import type { RouteDescription } from "../kernel/route-description.ts";

const AZURE_REFERENCE = "https://learn.microsoft.com/azure/ai-services/openai/reference";

const controlPlaneOnly: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  "api_key_missing",
  "api_key_invalid",
  "api_key_expired",
  "signing_keys_ended",
  "scope_missing",
  "not_found",
  "already_exists",
  "in_use",
  "key_state_conflict",
  "key_published_too_recently",
  "write_in_progress",
  "meaningless",
  "home_not_configured",
  "entra_not_configured",
  "request_id_reused",
  "revision_unknown",
  "precondition_invalid",
  "precondition_failed",
  "pending_approval",
  "approval_decided",
  "approval_expired",
  "approval_used",
  "webhook_secret_missing",
  "delegation_not_allowed",
  "authorization_exceeded",
  "delegations_exhausted",
  "token_not_refreshable",
]);
const dataPlaneRefusals = refusalCodes.filter((code) => !controlPlaneOnly.has(code));

const AzureBody = z.looseObject({}).meta({ id: "AzureBody", description: "As Azure OpenAI defines it." });
const ModelList = z
  .strictObject({ object: z.literal("list"), data: z.array(z.looseObject({ id: z.string() })) })
  .meta({ id: "ModelList" });

const DatedVersion = z.strictObject({
  "api-version": z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}(?:-preview)?$/, "must be a dated version of Azure's API"),
});
const V1Version = z.strictObject({ "api-version": z.enum(["v1", "preview"]).optional() });

const modelCall = {
  method: "POST",
  tag: "openai",
  credential: { kind: "token" },
  params: {},
  answer: { status: 200, schema: AzureBody, hasLimits: true, hasReceipt: true },
  errors: "azure",
  refusals: dataPlaneRefusals,
  externalDocs: AZURE_REFERENCE,
} as const;

const modelList = {
  ...modelCall,
  method: "GET",
  summary: "The deployments that some call of this capability could be allowed on.",
  body: null,
  answer: { status: 200, schema: ModelList, hasReceipt: true },
} as const;

/** `chat/completions` → `ChatCompletions` */
const titleOf = (name: string): string =>
  name.replaceAll(/(?:^|\/)([a-z])/g, (_, letter: string) => letter.toUpperCase());

const examples: Readonly<Record<Operation["name"], object>> = {
  "chat/completions": { messages: [{ role: "user", content: "Hello" }], max_completion_tokens: 100 },
  completions: { prompt: "Hello", max_tokens: 100 },
  embeddings: { input: "Hello" },
  responses: { input: "Hello", max_output_tokens: 100, store: false },
  "images/generations": { prompt: "A castle", size: "1024x1024", quality: "low" },
  "images/edits": { prompt: "A castle by night", image: "(file)" },
  "audio/transcriptions": { file: "(file)", response_format: "json" },
  "audio/translations": { file: "(file)" },
  "audio/speech": { input: "Hello", voice: "alloy" },
};

const AzureForm = z.looseObject({}).meta({ id: "AzureForm", description: "As Azure OpenAI defines it." });
const Sound = z.string().meta({ id: "Sound", format: "binary" });

const bodies = {
  json: { schema: AzureBody },
  form: { schema: AzureForm, mediaType: "multipart/form-data" },
} as const satisfies Record<Operation["body"], object>;

const answerOf = ({ answer }: Operation): RouteDescription["answer"] =>
  answer === "sound"
    ? { ...modelCall.answer, schema: Sound, mediaType: "application/octet-stream" }
    : modelCall.answer;

/** @param isNamed whether the path names the deployment. */
function classicRoute(operation: Operation, isNamed: boolean): RouteDescription {
  const { name, body } = operation;
  return {
    ...modelCall,
    path: isNamed ? `/openai/deployments/:deployment/${name}` : `/openai/${name}`,
    operationId: `classic${titleOf(name)}${isNamed || !operation.classic ? "" : "ByModel"}`,
    summary: isNamed
      ? `Azure's \`${name}\`; the path names the deployment.`
      : `Azure's \`${name}\`; the body's \`model\` names the deployment.`,
    params: isNamed ? { deployment: DeploymentName } : {},
    query: DatedVersion,
    body: { ...bodies[body], example: isNamed ? examples[name] : { model: "gpt-4o", ...examples[name] } },
    answer: answerOf(operation),
  };
}

const v1Route = (operation: Operation): RouteDescription => ({
  ...modelCall,
  path: `/openai/v1/${operation.name}`,
  operationId: `v1${titleOf(operation.name)}`,
  summary: `Azure's \`${operation.name}\`; the body's \`model\` names the deployment.`,
  query: V1Version,
  body: { ...bodies[operation.body], example: { model: "gpt-4o", ...examples[operation.name] } },
  answer: answerOf(operation),
});

const surface = Object.values(operations);

const StoredId = z.string().regex(STORED_ID, "must be the id of an answer that this agent had stored");

function storedRoutes({ kind, method, path, query }: StoredOperation): readonly RouteDescription[] {
  const asked = Object.fromEntries(query.map((name) => [name, z.string().optional()]));
  const name = `${titleOf(method.toLowerCase())}${titleOf(path.replace("/{id}", "").replaceAll("_", "/")).replaceAll("/", "")}`;
  const about = {
    ...modelCall,
    method,
    summary: `Azure's \`${path}\`, for an answer of \`${kind}\` that this agent had stored; it charges nothing.`,
    params: { id: StoredId },
    body: null,
    answer: { status: 200, schema: AzureBody, hasReceipt: true },
  } as const;
  const route = path.replace("{id}", ":id");
  return [
    { ...about, path: `/openai/${route}`, operationId: `classic${name}`, query: DatedVersion.extend(asked) },
    { ...about, path: `/openai/v1/${route}`, operationId: `v1${name}`, query: V1Version.extend(asked) },
  ];
}

export const modelRoutes: readonly RouteDescription[] = [
  ...surface.filter(({ classic }) => classic).map((operation) => classicRoute(operation, true)),
  ...surface.filter(({ name }) => namedInBody.has(name)).map((operation) => classicRoute(operation, false)),
  ...surface.filter(({ v1 }) => v1).map(v1Route),
  ...storedOperations.flatMap(storedRoutes),
  { ...modelList, path: "/openai/models", operationId: "classicListModels", query: DatedVersion },
  { ...modelList, path: "/openai/v1/models", operationId: "listModels", query: V1Version },
];
