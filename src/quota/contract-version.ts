/** Worker and ledger are one program and trust each other's types; across a deploy they may be two versions of it. */
export function checkVersion({ v }: { readonly v: unknown }): void {
  if (v !== 1) throw new Error("This ledger does not know this version of the contract.");
}
