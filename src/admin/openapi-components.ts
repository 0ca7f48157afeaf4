/**
 * Turns zod schemas into JSON Schema 2020-12, which is OpenAPI 3.1's own, and gathers those with an id as
 * components, each once.
 */
import * as z from "zod";
import { isJsonObject, type JsonObject } from "../kernel/json.ts";

export interface Components {
  /** `input`: what a caller may send; `output`: what it receives, defaults filled in. */
  schemaOf(schema: z.ZodType, io: "input" | "output"): JsonObject;
  readonly schemas: Readonly<Record<string, JsonObject>>;
  /** A reference to a response, kept once however many routes answer it. */
  responseOf(name: string, response: JsonObject): JsonObject;
  readonly responses: Readonly<Record<string, JsonObject>>;
}

export function createComponents(): Components {
  const schemas: Record<string, JsonObject> = {};
  const responses: Record<string, JsonObject> = {};
  // A problem is part of every route's answers, and conversion is what the document's making costs.
  const converted = { input: new Map<z.ZodType, JsonObject>(), output: new Map<z.ZodType, JsonObject>() };
  return {
    schemas,
    responses,
    responseOf(name, response) {
      keep(responses, name, response);
      return { $ref: `#/components/responses/${name}` };
    },
    schemaOf(schema, io) {
      const known = converted[io].get(schema);
      if (known !== undefined) return known;
      const { $schema: _dialect, $defs = {}, ...root } = z.toJSONSchema(schema, { io });
      // The library numbers recursive schemas from zero in every document; here they share one name space.
      const owner = schema.meta()?.id ?? "Anonymous";
      const rename = (name: string) => name.replace(/^__schema(\d+)$/, `${owner}Recursive$1`);
      for (const [name, definition] of Object.entries($defs)) {
        const component = withRefs(definition, rename);
        if (isJsonObject(component)) keep(schemas, rename(name), component);
      }
      const inlined = withRefs(root, rename);
      const made = isJsonObject(inlined) ? inlined : {};
      converted[io].set(schema, made);
      return made;
    },
  };
}

function keep(into: Record<string, JsonObject>, name: string, component: JsonObject): void {
  const known = into[name];
  if (known !== undefined && JSON.stringify(known) !== JSON.stringify(component)) {
    throw new Error(`Two components are called ${name}.`);
  }
  into[name] = component;
}

const DEFINITION = "#/$defs/";

function withRefs(value: unknown, rename: (name: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => withRefs(item, rename));
  if (!isJsonObject(value)) return value;
  const entries = Object.entries(value).map(([key, member]) => {
    if (key === "$ref" && typeof member === "string" && member.startsWith(DEFINITION)) {
      return [key, `#/components/schemas/${rename(member.slice(DEFINITION.length))}`];
    }
    return [key, withRefs(member, rename)];
  });
  return Object.fromEntries(entries);
}
