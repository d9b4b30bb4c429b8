/** What a secret looks like wherever it may turn up: as it is, escaped, in hex, and in base64 at any of its three places. */
export function formsOf(secret: string): Record<string, string> {
  const bytes = Buffer.from(secret);
  const inBase64 = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    // The first and the last letter may also hold bits of what stands beside it.
    return text.slice(Math.ceil((before * 4) / 3), text.length - 1);
  });
  const forms: Record<string, string> = {
    raw: secret,
    'in a URL': encodeURIComponent(secret),
    'in JSON': JSON.stringify(secret).slice(1, -1),
    'in hex': bytes.toString('hex'),
  };
  inBase64.forEach((text, at) => {
    forms[`in base64 at ${at}`] = text;
    forms[`in base64url at ${at}`] = text.replaceAll('+', '-').replaceAll('/', '_');
  });
  return forms;
}

/** Where and in which form a secret stands in `text`; empty where it does not. */
export function findSecret(text: Buffer, secrets: Readonly<Record<string, string>>): string[] {
  return Object.entries(secrets).flatMap(([name, secret]) =>
    Object.entries(formsOf(secret))
      .filter(([, form]) => text.includes(form))
      .map(([form]) => `${name} ${form}`),
  );
}
