/** Names per isolate: an HMAC per request would be spent on the same few names. Bounded, since callers choose tenants. */

const MAX_NAMES = 10_000;

export class LedgerNameCache {
  readonly #names = new Map<string, string>();

  async get(key: string, make: () => Promise<string>): Promise<string> {
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = await make();
    if (this.#names.size >= MAX_NAMES) this.#names.clear();
    this.#names.set(key, name);
    return name;
  }
}
