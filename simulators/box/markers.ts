import { createHash, createHmac } from 'node:crypto';
import { badRequest } from './respond.ts';

/** Page positions as text that callers cannot build or change; they open for their own list only. */
export class Markers {
  #key: Buffer;

  constructor(seed: number) {
    this.#key = createHash('sha256').update(`box marker ${seed}`).digest();
  }

  /** As after a restart of the vendor: every marker given so far is refused. */
  forget(): void {
    this.#key = createHash('sha256').update(this.#key).digest();
  }

  seal(list: string, now: number, position: readonly (number | string)[]): string {
    const plain = Buffer.from(JSON.stringify([list, now, ...position]));
    return Buffer.concat([this.#sign(plain), plain]).toString('base64url');
  }

  /** Other text for the place of `here` (the list's beginning when null); `of` is any marker of the same list. */
  again(here: string | null, of: string): string {
    const [list, at, ...position] = this.#read(here ?? of);
    // One member more, which readers of positions do not look at.
    const place = here === null ? position.map(() => 0) : position;
    return this.seal(list, at, [...place, `again ${place.length}`]);
  }

  open(list: string, text: string, oldest: number): (number | string)[] {
    const [of, at, ...position] = this.#read(text);
    if (of !== list || at < oldest) throw badMarker();
    return position;
  }

  #read(text: string): [string, number, ...(number | string)[]] {
    const bytes = Buffer.from(text, 'base64url');
    const plain = bytes.subarray(8);
    if (bytes.length < 9 || !this.#sign(plain).equals(bytes.subarray(0, 8))) throw badMarker();
    return JSON.parse(plain.toString('utf8')) as [string, number, ...(number | string)[]];
  }

  #sign(plain: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(plain).digest().subarray(0, 8);
  }
}

const badMarker = () => badRequest("Bad Request: 'marker' is not valid", 'bad_request');
