import { createMD5, createSHA1, createSHA256, type IHasher } from 'hash-wasm';
import { z } from 'zod';
import { digestAlgorithms, type Content, type DigestAlgorithm } from '../connectors/content.ts';
import { Failure } from '../connectors/kit/failures.ts';
import type { ContentProgress } from '../store/content-documents.ts';
import { headBytes, mediaTypeOf } from './media-type.ts';

const hashers: Record<DigestAlgorithm, () => Promise<IHasher>> = {
  sha1: createSHA1,
  sha256: createSHA256,
  md5: createMD5,
};

const saved = z.object({
  mediaType: z.string().optional(),
  sha256: z.base64(),
  vendors: z.object({ algorithm: z.enum(digestAlgorithms), state: z.base64() }).optional(),
});

/** What the bytes of a file come to as they pass. It can be put aside, and taken up by another process. */
export class Inspection {
  received = 0;
  private head: Uint8Array[] = [];
  private typed: { mediaType?: string } | undefined;
  readonly version: string;
  private readonly sha256: IHasher;
  private readonly vendors: { algorithm: DigestAlgorithm; hasher: IHasher } | undefined;

  private constructor(version: string, sha256: IHasher, vendors: Inspection['vendors']) {
    this.version = version;
    this.sha256 = sha256;
    this.vendors = vendors;
  }

  static async begin({ version, digest, start }: Pick<Content, 'version' | 'digest' | 'start'>): Promise<Inspection> {
    if (start > 0) throw new Failure('restart', `the content came from byte ${start} on, and nothing of it was there`);
    const sha256 = (await hashers.sha256()).init();
    const vendors = digest && { algorithm: digest.algorithm, hasher: (await hashers[digest.algorithm]()).init() };
    return new Inspection(version, sha256, vendors);
  }

  /** Undefined where what was put aside is of no use any more: another release of the library made it. */
  static async resume({ version, received, state }: ContentProgress): Promise<Inspection | undefined> {
    try {
      const { mediaType, sha256, vendors } = saved.parse(JSON.parse(state));
      const load = async (algorithm: DigestAlgorithm, text: string) =>
        (await hashers[algorithm]()).load(Buffer.from(text, 'base64'));
      const of = vendors && { ...vendors, hasher: await load(vendors.algorithm, vendors.state) };
      const inspection = new Inspection(version, await load('sha256', sha256), of);
      inspection.received = received;
      inspection.typed = { ...(mediaType !== undefined && { mediaType }) };
      return inspection;
    } catch {
      return undefined;
    }
  }

  goesOnWith({ version, start, digest }: Content): boolean {
    return version === this.version && start === this.received && digest?.algorithm === this.vendors?.algorithm;
  }

  async add(piece: Uint8Array): Promise<void> {
    this.sha256.update(piece);
    this.vendors?.hasher.update(piece);
    this.received += piece.length;
    if (this.typed) return;
    this.head.push(piece);
    if (this.received >= headBytes) await this.type(false);
  }

  /** Undefined before there is anything worth keeping. */
  save(): ContentProgress | undefined {
    if (!this.typed) return undefined;
    const stateOf = (hasher: IHasher) => Buffer.from(hasher.save()).toString('base64');
    const vendors = this.vendors && { algorithm: this.vendors.algorithm, state: stateOf(this.vendors.hasher) };
    const state = JSON.stringify({ ...this.typed, sha256: stateOf(this.sha256), vendors } satisfies z.input<
      typeof saved
    >);
    return { version: this.version, received: this.received, state };
  }

  async end(): Promise<{ sha256: string; vendors?: string; mediaType?: string }> {
    if (!this.typed) await this.type(true);
    const vendors = this.vendors?.hasher.digest('hex');
    return { sha256: this.sha256.digest('hex'), ...(vendors !== undefined && { vendors }), ...this.typed };
  }

  private async type(whole: boolean): Promise<void> {
    const head = Buffer.concat(this.head);
    const mediaType = await mediaTypeOf(head.subarray(0, headBytes), whole && head.length <= headBytes);
    this.typed = { ...(mediaType !== undefined && { mediaType }) };
    this.head = [];
  }
}
