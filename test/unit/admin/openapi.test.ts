// The description is generated, so what can go wrong is that it is older than the routes, or that it is no valid description.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { controlPlaneRoutes, openApiOf } from "../../../src/admin/openapi.ts";
import { gatewayRoutes } from "../../../src/gateway/described-routes.ts";
import type { JsonObject } from "../../../src/kernel/json.ts";
import { isJsonObject } from "../../../src/kernel/json.ts";

const routes = [...controlPlaneRoutes, ...gatewayRoutes];
const generated: unknown = JSON.parse(JSON.stringify(openApiOf(routes)));

function objectsIn(value: unknown): readonly JsonObject[] {
  if (Array.isArray(value)) return value.flatMap(objectsIn);
  return isJsonObject(value) ? [value, ...Object.values(value).flatMap(objectsIn)] : [];
}
const at = (pointer: string): unknown =>
  pointer
    .slice(2)
    .split("/")
    .reduce<unknown>((here, part) => (isJsonObject(here) ? here[part] : undefined), generated);

it("is what is checked in (else run `npm run openapi`)", () => {
  expect(JSON.parse(readFileSync("docs/openapi.json", "utf8"))).toEqual(generated);
});

it("refers to nothing that it does not hold", () => {
  const references = objectsIn(generated).flatMap(({ $ref }) => (typeof $ref === "string" ? [$ref] : []));
  expect(references.length).toBeGreaterThan(100);
  expect(references.filter((reference) => at(reference) === undefined)).toEqual([]);
});

it("holds nothing that nobody refers to", () => {
  const references = new Set(objectsIn(generated).map(({ $ref }) => $ref));
  const held = ["schemas", "responses", "headers"].flatMap((kind) =>
    Object.keys(at(`#/components/${kind}`) ?? {}).map((name) => `#/components/${kind}/${name}`),
  );
  expect(held.filter((pointer) => !references.has(pointer))).toEqual([]);
});

it("names every operation once, and every method of a path once", () => {
  const ids = routes.map(({ operationId }) => operationId);
  expect(new Set(ids).size).toBe(ids.length);
  const places = routes.map(({ method, path }) => `${method} ${path}`);
  expect(new Set(places).size).toBe(places.length);
});

it("says of a component with an id only what one schema says", () => {
  const twice = [
    ...routes,
    ...routes.slice(0, 1).map((route) => ({
      ...route,
      path: "/other",
      body: route.body && { ...route.body, schema: route.body.schema.clone().meta({ id: "Agent" }) },
    })),
  ];
  expect(() => openApiOf(twice)).toThrow("Agent");
});

describe.each(routes)("$method $path", ({ path, params, body, answer, query, credential }) => {
  it("describes every parameter of its path", () => {
    const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name);
    expect(Object.keys(params)).toEqual(inPath);
  });

  it("has a body exactly if it shows one that its schema takes", () => {
    if (body === null) return;
    expect(body.schema.safeParse(body.example)).toMatchObject({ success: true });
  });

  it("has an answer with a body unless it is a 204", () => {
    expect(answer.schema === null).toBe(answer.status === 204);
  });

  it("looks at its query where the control plane answers", () => {
    if (path.startsWith("/v1/") && credential.kind === "api_key" && !path.startsWith("/v1/enforce")) {
      expect(query).not.toBeNull();
    }
  });
});
