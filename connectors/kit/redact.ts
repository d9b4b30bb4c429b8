/** Every text in a credential that is long enough to be a secret. */
export function secretsOf(credential: unknown): string[] {
  if (typeof credential === 'string') return credential.length >= 6 ? [credential] : [];
  if (Array.isArray(credential)) return credential.flatMap(secretsOf);
  if (credential && typeof credential === 'object') return Object.values(credential).flatMap(secretsOf);
  return [];
}

const hidden = '[redacted]';
const looksSecret: readonly [RegExp, string][] = [
  [/-----BEGIN [^-]*-----[\s\S]*?(-----END [^-]*-----|$)/g, hidden],
  [/\beyJ[\w-]{5,}(\.[\w-]*){0,4}/g, hidden],
  [/\b(Bearer|DPoP|SSWS|Basic)\s+[\w.~+/=-]{6,}/gi, `$1 ${hidden}`],
  [/\b(AKIA|ASIA)[A-Z0-9]{12,}/g, hidden],
  // "access_token":"...", tempPassword, resetPasswordUrl, client_secret=..., also when the excerpt was cut in the value
  [
    /("?[\w-]*(?:token|secret|passw(?:or)?d|password\w*|activationurl|assertion|api_?key|private_?key|signature)"?\s*[:=]\s*"?)[^"&\s,}<]{4,}/gi,
    `$1${hidden}`,
  ],
  [/[A-Za-z0-9+/_-]{40,}={0,2}/g, hidden],
];

/** `text` without the given secrets (also as JSON and URL encoding write them) and without what looks like one. */
export function redact(text: string, secrets: readonly string[] = []): string {
  let out = text;
  for (const secret of [...secrets].sort((a, b) => b.length - a.length)) {
    if (secret.length < 6) continue;
    for (const form of new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]))
      out = out.split(form).join(hidden);
  }
  for (const [pattern, replacement] of looksSecret) out = out.replace(pattern, replacement);
  return out;
}
