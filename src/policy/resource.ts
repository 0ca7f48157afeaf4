/**
 * Resources and the patterns that name them: exact, `prefix/*`, or `*`. Both are compared raw, and whatever would
 * need normalising first is rejected (no identifier may have two spellings), so containment stays a string comparison.
 */
import * as z from "zod";
import { MEANINGLESS } from "../kernel/parse-document.ts";

const SEGMENT = "[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?";
const resourceExpression = new RegExp(`^(?!.*\\.\\.)api://${SEGMENT}(?:/${SEGMENT})*$`);
const patternExpression = new RegExp(`^(?!.*\\.\\.)(?:\\*|api://${SEGMENT}(?:/${SEGMENT})*(?:/\\*)?)$`);
const MAX_RESOURCE_LENGTH = 512;

export const Resource = z
  .string()
  .max(MAX_RESOURCE_LENGTH)
  .regex(resourceExpression, "must be a resource such as api://azure-openai/models/gpt-4");
export type Resource = z.infer<typeof Resource>;

export const ResourcePattern = z
  .string()
  .max(MAX_RESOURCE_LENGTH)
  .refine((text) => !needsNormalising(text), {
    message: "must be written as it is compared: no escapes, empty or dot segments, nor capitals in `api://`",
    params: MEANINGLESS,
  })
  .regex(patternExpression, "must be an exact resource, a prefix ending in /*, or *");
export type ResourcePattern = z.infer<typeof ResourcePattern>;

/** Whether it is another spelling of a pattern, which would never match what whoever wrote it has in mind. */
function needsNormalising(text: string): boolean {
  if (patternExpression.test(text)) return false;
  const [scheme = "", rest = ""] = unescaped(text.trim())
    .normalize("NFKC")
    .split(/:\/\/(.*)/s);
  const segments: string[] = [];
  for (const segment of rest.split("/")) {
    if (segment === "..") segments.pop();
    else if (segment !== "." && segment !== "") segments.push(segment);
  }
  return patternExpression.test(`${scheme.toLowerCase()}://${segments.join("/")}`);
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function matchesResource(pattern: ResourcePattern, resource: Resource): boolean {
  if (pattern === "*") return true;
  if (pattern.endsWith("/*")) return resource.startsWith(pattern.slice(0, -1));
  return pattern === resource;
}

/** Whether whatever the inner pattern matches, the outer one matches. */
export const containsPattern = (outer: ResourcePattern, inner: ResourcePattern): boolean =>
  outer === "*" || (outer.endsWith("/*") ? inner.startsWith(outer.slice(0, -1)) : outer === inner);

/** Every pattern that matches a resource: the resource itself, each prefix of it that ends with a slash, and `*`. */
export function patternsMatching(resource: Resource): readonly ResourcePattern[] {
  const patterns = ["*", resource];
  for (let slash = resource.indexOf("/"); slash !== -1; slash = resource.indexOf("/", slash + 1))
    patterns.push(`${resource.slice(0, slash)}/*`);
  return patterns;
}

const AZURE = "api://azure-openai";
const MODEL_PREFIX = `${AZURE}/models/`;

export const modelResource = (deployment: string): Resource => `${MODEL_PREFIX}${deployment}`;

/** The deployment a resource names, or undefined when it is not a model. */
export const deploymentOfResource = (resource: Resource): string | undefined =>
  resource.startsWith(MODEL_PREFIX) && !resource.slice(MODEL_PREFIX.length).includes("/")
    ? resource.slice(MODEL_PREFIX.length)
    : undefined;

/** Whatever stands behind the name: who calls it sends data to Azure OpenAI. */
export const isAtAzure = (resource: Resource): boolean =>
  resource === AZURE || resource.startsWith(`${AZURE}/`);
