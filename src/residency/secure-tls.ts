/** TLS that counts as encrypted, by `request.cf.tlsVersion`. Unknown and clear text do not. */
const secureVersions: ReadonlySet<string | null> = new Set(["TLSv1.2", "TLSv1.3"]);

export const isSecureTls = (tlsVersion: string | null): boolean => secureVersions.has(tlsVersion);
