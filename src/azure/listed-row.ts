/** Finds a model in a list of models: by its name, with or without the date of a version. */

/** What may follow a row's name: the model's version. `-mini` is another model. */
const version = /^(?:-\d{4}-\d{2}-\d{2})?$/;

/** The longest name that fits, so that a version with a row of its own keeps it. */
export function listedRow<T>(table: Readonly<Record<string, T>>, modelName: string): T | undefined {
  const model = modelName.toLowerCase();
  const [longest] = Object.keys(table)
    .filter((name) => model.startsWith(name) && version.test(model.slice(name.length)))
    .toSorted((left, right) => right.length - left.length);
  return longest === undefined ? undefined : table[longest];
}
