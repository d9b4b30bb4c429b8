/** A member whose JSON text is given: a 64-bit number, which JavaScript cannot write itself. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** JSON text in which every `RawJson` stands as it is. */
export function writeJson(value: unknown): string {
  const raw: string[] = [];
  const text = JSON.stringify(value, (_, inner: unknown) => {
    if (!(inner instanceof RawJson)) return inner;
    raw.push(inner.text);
    return `\u0000raw ${raw.length - 1}`;
  });
  return raw.length === 0
    ? text
    : text.replaceAll(/"\\u0000raw (\d+)"/g, (_, nth: string) => raw[Number(nth)] as string);
}
