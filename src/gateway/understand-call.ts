/** Understanding a relayed call: its body, bounded and read once, becomes an ask. */
import { askedTokens, serves } from "../azure/asked-tokens.ts";
import { askedUnits } from "../azure/asked-units.ts";
import { readForm } from "../azure/call-form.ts";
import { encodingOf } from "../azure/encoding.ts";
import { savedByCounting } from "../azure/exact-prompt.ts";
import type { Operation } from "../azure/operation.ts";
import { dearestPrice } from "../azure/prices.ts";
import { type ReadCall, readCall } from "../azure/read-call.ts";
import { MAX_BODY_BYTES, MAX_FORM_BYTES, MAX_FOUND_TEXTS } from "../kernel/limits.ts";
import { readJsonBody } from "../kernel/read-json-body.ts";
import { readMultipart } from "../kernel/read-multipart.ts";
import { refuse } from "../kernel/refusal.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { Classification } from "../policy/classification.ts";
import type { Ask } from "../policy/decision.ts";
import { modelResource } from "../policy/resource.ts";
import type { Snapshot } from "../policy/snapshot.ts";
import { admitDeployment } from "./admit.ts";
import { askContent } from "./ask-content.ts";
import { type CountedCaller, countedAddress } from "./counted-address.ts";
import { endUserOf } from "./end-user.ts";
import type { GatewayPorts } from "./gateway-ports.ts";
import type { NeededStorage, Understood } from "./question.ts";
import { storedObjectKey } from "./stored-object-key.ts";

/** Reads the body at most once, when first asked: a reload of the snapshot judges the same call again. */
export function createCallReader(request: Request, operation: Operation): () => Promise<Result<ReadCall>> {
  let known: Result<ReadCall> | undefined;
  return async () => {
    known ??= await bodyReaders[operation.body](request, operation);
    return known;
  };
}

type ReadBody = (request: Request, operation: Operation) => Promise<Result<ReadCall>>;

const bodyReaders: Readonly<Record<Operation["body"], ReadBody>> = {
  async json(request, operation) {
    const body = await readJsonBody(request, MAX_BODY_BYTES);
    return body.ok ? readCall(operation, body.value) : body;
  },
  async form(request, operation) {
    const data = await readMultipart(request, MAX_FORM_BYTES);
    if (!data.ok) return data;
    const form = readForm(data.value);
    return form.ok ? readCall(operation, form.value.fields, form.value.parts) : form;
  },
};

export async function understandCall(
  ports: Pick<GatewayPorts, "hashEndUser" | "hashAddress" | "hashText" | "tokenCounter">,
  call: ReadCall,
  operation: Operation,
  deploymentInPath: string | null,
  caller: CountedCaller & { readonly classification: Classification },
  snapshot: Snapshot,
): Promise<Result<Understood>> {
  // On classic paths the body's `model` selects nothing: some clients send arbitrary text there.
  const name = deploymentInPath ?? call.model;
  if (name === null)
    return fail(refuse("body_invalid", { field: "model", message: "`model` must name a deployment." }));
  const deployment = admitDeployment(snapshot, name, caller.classification);
  if (!deployment.ok) return deployment;
  if (!serves(deployment.value, operation)) return fail(refuse("operation_not_supported"));
  const { model } = deployment.value;
  const { promptTokens, outputTokens, outputIsFixed } = askedTokens(operation, call, deployment.value);
  const units = askedUnits(operation, call.body, deployment.value);
  const asked = { action: operation.action, resource: modelResource(name) };
  const { content, isStripped, inShadow } = askContent(call, caller.capability, asked, snapshot);
  const ask: Ask = {
    ...asked,
    deployment: name,
    promptTokens,
    outputTokens,
    ...(outputIsFixed ? { outputIsFixed } : {}),
    choices: call.choices,
    stream: call.stream,
    classification: caller.classification,
    endUser: await endUserOf(ports, caller.capability, call.endUser),
    clientAddress: await countedAddress(ports, caller, snapshot),
    price: dearestPrice(deployment.value),
    ...(units === null ? {} : { units }),
    tools: call.tools,
    stores: call.stores,
    content,
  };
  const found = content.literals?.slice(0, MAX_FOUND_TEXTS) ?? [];
  const understood: Understood = {
    ask,
    foundTexts: await Promise.all(found.map((text) => ports.hashText(caller.capability.tenantId, text))),
    deployment: deployment.value,
    body: call.body,
    sent: call.body,
    parts: call.parts,
    ...(inShadow === content ? {} : { contentInShadow: inShadow }),
    outsideContent: call.prompt.outsideContent,
    namesOutput: call.requestedOutputTokens !== null,
    refine: null,
    idempotency: null,
    storage: await storageOf(call, operation, name),
  };
  const encoding = encodingOf(model);
  // What is left of a text that loses some of its middle may be more tokens than it was, but never more bytes.
  if (promptTokens === null || encoding === null || isStripped) return ok(understood);
  return ok({
    ...understood,
    refine: async () => {
      const saved = savedByCounting(call.body, await ports.tokenCounter(encoding));
      return { ...understood, ask: { ...ask, promptTokens: promptTokens - saved } };
    },
  });
}

async function storageOf(
  { storage }: Pick<ReadCall, "storage">,
  { name }: Operation,
  deployment: string,
): Promise<NeededStorage | null> {
  if (storage === null) return null;
  const { field, previousId } = storage;
  return {
    field,
    uses: previousId === null ? null : { key: await storedObjectKey(name, previousId), deployment },
  };
}
