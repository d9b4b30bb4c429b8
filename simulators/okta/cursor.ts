import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import { invalid } from './respond.ts';

/**
 * Page positions as text that nobody can read, build or change. The same position gives the same text, so a polling
 * request that found nothing is answered with its own URL.
 */
export class Cursors {
  readonly #key: Buffer;

  constructor(seed: number) {
    this.#key = createHash('sha256').update(`okta cursor ${seed}`).digest().subarray(0, 16);
  }

  /** `list` names the list that the position belongs to; it opens for that list only. */
  seal(list: string, position: readonly (number | string)[]): string {
    const plain = JSON.stringify([list, ...position]);
    const iv = createHash('sha256').update(this.#key).update(plain).digest().subarray(0, 12);
    const cipher = createCipheriv('aes-128-gcm', this.#key, iv);
    const sealed = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url');
  }

  /** Other text for the place of `here` (the list's beginning when null); `of` is any cursor of the same list. */
  again(here: string | null, of: string): string {
    const [list, ...position] = this.#read(here ?? of) as [string, ...(number | string)[]];
    // One member more, which readers of positions do not look at.
    const place = here === null ? position.map(() => 0) : position;
    return this.seal(list, [...place, `again ${place.length}`]);
  }

  open(list: string, text: string): (number | string)[] {
    const position = this.#read(text);
    if (position[0] !== list) throw invalid('after', 'Invalid paging request.');
    return position.slice(1);
  }

  #read(text: string): (number | string)[] {
    const bytes = Buffer.from(text, 'base64url');
    let position: unknown;
    try {
      const decipher = createDecipheriv('aes-128-gcm', this.#key, bytes.subarray(0, 12));
      decipher.setAuthTag(bytes.subarray(12, 28));
      position = JSON.parse(Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8'));
    } catch {
      throw invalid('after', 'Invalid paging request.');
    }
    return position as (number | string)[];
  }
}
