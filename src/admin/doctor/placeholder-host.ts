/** Names that lead nowhere outside a machine or its network (RFC 6761, 6762), as in wrangler.toml before it is edited. */
export const isPlaceholderHost = (hostname: string): boolean =>
  /(^|\.)(local|localhost|example|invalid|test)$/.test(hostname);
