import type { Connector, Session } from '../connectors/connector.ts';
import { Failure } from '../connectors/kit/failures.ts';
import type { FileRecord } from '../connectors/records.ts';
import type { ContentProgress, FileContent } from '../store/content-documents.ts';
import { Inspection } from './inspection.ts';

export interface ContentReading {
  maxBytes: number;
  progress: ContentProgress | undefined;
  now: () => Date;
  /** Asked between pieces: false puts aside what came. */
  goOn: () => boolean;
  /** Told whenever it begins with the first byte, or goes on: from it how far it came can be saved at any time. */
  begun: (inspection: Inspection | undefined) => void;
}

/**
 * Reads one file's content to its end, piece by piece. What was cut goes on at once from the byte it had, as long as
 * each try brings some more. Undefined when it was put aside. Throws the connector's Failures.
 */
export async function readContent(
  content: NonNullable<Connector['content']>,
  session: Session,
  file: FileRecord,
  reading: ContentReading,
): Promise<FileContent | undefined> {
  const { maxBytes } = reading;
  if (file.size !== undefined && file.size > maxBytes) return tooLarge(file, file.size, reading);
  let inspection = reading.progress && (await Inspection.resume(reading.progress));
  for (;;) {
    const before = inspection?.received ?? 0;
    try {
      const from = inspection && { start: inspection.received, version: inspection.version };
      const coming = await content(session, file, { from, maxBytes });
      if (!inspection?.goesOnWith(coming)) inspection = await Inspection.begin(coming);
      reading.begun(inspection);
      if (coming.size !== undefined && coming.size > maxBytes) {
        coming.stream.destroy();
        return tooLarge(file, coming.size, reading);
      }
      for await (const piece of coming.stream as AsyncIterable<Uint8Array>) {
        await inspection.add(piece);
        if (inspection.received !== coming.size && !reading.goOn()) return undefined;
      }
      const { size = inspection.received, digest } = coming;
      if (inspection.received < size) throw broken(`ended after ${inspection.received} of ${size} bytes`);
      const { sha256, mediaType, vendors } = await inspection.end();
      if (inspection.received > size || (digest && digest.value !== vendors)) {
        // Of no use, all of it.
        reading.begun((inspection = undefined));
        throw broken(`is not what the app says: ${digest ? `another ${digest.algorithm}` : `more than ${size} bytes`}`);
      }
      return {
        ...{ version: file.version ?? '', at: reading.now(), size, sha256 },
        ...(mediaType !== undefined && { mediaType }),
        ...(file.mediaType !== undefined && { declaredType: file.mediaType }),
      };
    } catch (error) {
      const gone = Failure.is(error, 'restart');
      if (gone) reading.begun((inspection = undefined));
      const goesOn = gone ? before > 0 : Failure.is(error, 'unavailable') && (inspection?.received ?? 0) > before;
      if (!goesOn || !reading.goOn()) throw error;
    }
  }
}

const broken = (why: string) => new Failure('unavailable', `the content ${why}`, { who: 'vendor' });

const tooLarge = ({ version = '' }: FileRecord, size: number, { maxBytes, now }: ContentReading): FileContent => ({
  version,
  at: now(),
  skipped: 'tooLarge',
  why: `${size} bytes, more than the ${maxBytes} that are read`,
  size,
});
