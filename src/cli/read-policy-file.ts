/** One file, read and checked: every fault with file, line and path. */
import { faultOf } from "../kernel/parse-document.ts";
import { fail, ok, type Result } from "../kernel/result.ts";
import type { PolicyTest, SuiteTest } from "../policy/as-code/policy-test.ts";
import { problemsOf } from "../policy/as-code/validate-policies.ts";
import type { PolicyInput } from "../policy/policy.ts";
import type { CommandIo } from "./command.ts";
import { type Context, PolicyFile } from "./policy-file.ts";
import { parseYaml } from "./yaml-text.ts";

export interface ReadFile {
  readonly path: string;
  /** A tenant's id, `platform`, or null where the file does not say. */
  readonly scope: string | null;
  readonly at: string | null;
  readonly inputs: readonly PolicyInput[];
  readonly tests: readonly PolicyTest[];
  readonly context: Context | null;
}

/** Fails with lines for whoever wrote the file. */
export async function readPolicyFile(
  path: string,
  io: Pick<CommandIo, "readFile">,
): Promise<Result<ReadFile, readonly string[]>> {
  const text = await readText(path, io);
  if (text === null) return fail([`${path} cannot be read.`]);
  const yaml = parseYaml(text);
  if (!yaml.ok) return fail(yaml.error.map(({ line, message }) => `${path}:${line}: ${message}`));
  const { value, lineOf } = yaml.value;
  const told = (at: readonly PropertyKey[], message: string) => `${path}:${lineOf(at)}: ${message}`;

  const parsed = PolicyFile.safeParse(value);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => faultOf(issue, value));
    return fail(faults.map((fault) => told(fault.path, fault.message.replace(/^The body/, "The file"))));
  }
  const file = parsed.data;
  const dated = datedTests(file);
  const faults = [
    ...(file.tenant !== undefined && file.platform
      ? [told(["platform"], "A file is about a tenant or the platform.")]
      : []),
    ...dated.undated.map((at) => told(at, "The test says no `at`, and the file states none for all.")),
    ...problemsOf(dated.inputs).map(({ path: at, message }) => told(partsOf(at), `\`${at}\`: ${message}`)),
  ];
  if (faults.length > 0) return fail(faults);
  return ok({
    path,
    scope: file.platform ? "platform" : (file.tenant ?? null),
    at: file.at ?? null,
    inputs: dated.inputs,
    tests: dated.tests,
    context: file.context ?? null,
  });
}

async function readText(path: string, { readFile }: Pick<CommandIo, "readFile">): Promise<string | null> {
  try {
    return await readFile(path);
  } catch {
    return null;
  }
}

/** Tests as the server takes them: each says when and where it is. */
function datedTests({ at: commonAt, place: commonPlace, policies, tests }: PolicyFile) {
  const undated: (readonly PropertyKey[])[] = [];
  const dated = (given: readonly SuiteTest[], where: readonly PropertyKey[]): PolicyTest[] =>
    given.flatMap(({ at = commonAt, place, ...test }, index) => {
      if (at === undefined) {
        undated.push([...where, index]);
        return [];
      }
      const from = place ?? commonPlace;
      return [{ ...test, at, ...(from === undefined ? {} : { place: { ...commonPlace, ...from } }) }];
    });
  return {
    inputs: policies.map(
      ({ tests: carried, ...policy }, index): PolicyInput => ({
        ...policy,
        ...(carried === undefined || carried.length === 0
          ? {}
          : { tests: dated(carried, ["policies", index, "tests"]) }),
      }),
    ),
    tests: dated(tests, ["tests"]),
    undated,
  };
}

/** The parts of a path such as `policies[3].constraints.parameters`. */
const partsOf = (path: string): readonly PropertyKey[] =>
  [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([text, index]) =>
    index === undefined ? text : Number(index),
  );
