import { z } from 'zod';
import type { Content, ContentOf } from '../content.ts';
import { placeOf, rangeFrom } from '../kit/content-range.ts';
import { Failure } from '../kit/failures.ts';
import { actAs } from './accounts.ts';
import { parseFileId } from './items.ts';
import { apiOrigin, type BoxSession } from './settings.ts';

export const contentOperation = 'GET /files/{file_id}/content';

/** The record's own row of Box, where it was not too long to be kept whole. */
const told = z.object({ sha1: z.string().regex(/^[0-9a-f]{40}$/), file_version: z.object({ id: z.coerce.string() }) });

/**
 * Box leads to an address at its download host that needs no credential and is good for minutes, so it is asked for
 * anew by every transfer. The version is named: what goes on after a break is of the same bytes.
 */
export const content: ContentOf<BoxSession> = async (session, file, { from, maxBytes }): Promise<Content> => {
  const { type, id } = parseFileId(file.vendorId);
  const { version, ownerId } = file;
  if (type !== 'file' || version === undefined || ownerId === undefined)
    throw new Failure('invalid', `${file.vendorId} has no content in Box`);
  if (from && from.version !== version) throw new Failure('restart', 'the bytes so far are of another version');
  const owner = await actAs(session, ownerId);
  const url = new URL(`${apiOrigin(session.settings)}/2.0/files/${id}/content`);
  url.searchParams.set('version', version);
  const answer = await owner.download({
    method: 'GET',
    url,
    operation: contentOperation,
    headers: session.settings.quietDownloads ? { 'box-notifications': 'off' } : {},
    redirectHeaders: { accept: '*/*', ...rangeFrom(from?.start) },
    maxBytes,
  });
  const row = told.safeParse(file.raw);
  const sha1 = row.success && row.data.file_version.id === version ? row.data.sha1 : undefined;
  return {
    ...placeOf(answer, from?.start ?? 0),
    version,
    ...(sha1 === undefined ? {} : { digest: { algorithm: 'sha1', value: sha1 } }),
  };
};
