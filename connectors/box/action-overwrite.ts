import { createHash, randomUUID } from 'node:crypto';
import type { Action, Before, LostAccess } from '../connector.ts';
import { Failure } from '../kit/failures.ts';
import { conflict } from './account-actions.ts';
import { all, call, listByOffset, segment } from './api.ts';
import {
  callsToRead,
  lostFromAbove,
  mustBeThere,
  reach,
  stateOf,
  touchesOf,
  unseen,
  type FileTarget,
  type ItemState,
  type Reached,
} from './item-state.ts';
import { fileVersion, type FileVersion } from './schemas.ts';
import { uploadOrigin, type BoxSession, type Settings } from './settings.ts';
import { losing, names } from './sharing-state.ts';

const notice =
  'This file was removed by your administrator because it did not comply with the rules for shared data.\n';
const noticeSha1 = createHash('sha1').update(notice).digest('hex');

/** Older versions that can be read, oldest first; by content, as an undo makes a new id. */
export type OverwriteState = ItemState & { older: { id: string; sha1: string | null }[] };

async function versionsOf({ owner, at }: Reached): Promise<FileVersion[]> {
  const { rows, skipped } = await all((next) =>
    listByOffset(owner, '/files/{file_id}/versions', `/files/${at.id}/versions`, fileVersion, {
      offset: Number(next ?? 0),
      query: { fields: 'sha1,size,trashed_at' },
      accept: [404],
    }),
  );
  if (skipped[0]) throw new Failure('unavailable', `file ${at.id} lists a version of ${skipped[0].why}`);
  return rows;
}

async function read(base: BoxSession, target: FileTarget): Promise<{ reached: Reached; state: OverwriteState }> {
  const reached = await reach(base, target);
  if (reached.at.type !== 'file') throw conflict(`${target.fileId} is no file: it has no content to write over`);
  const state = await stateOf(reached);
  const versions = state.place === 'there' ? await versionsOf(reached) : [];
  const older = versions
    .filter(({ trashed_at }) => !trashed_at)
    .map(({ id, sha1 }) => ({ id, sha1: sha1 ?? null }))
    .sort((a, b) => a.id.length - b.id.length || (a.id < b.id ? -1 : 1));
  return { reached, state: { ...state, older } };
}

/** Box takes `attributes` first, then the content. `If-Match` is the item's etag. */
async function upload({ owner, at, item }: Reached, name: string): Promise<void> {
  const boundary = `castellan-${randomUUID()}`;
  const body = [
    `--${boundary}\r\nContent-Disposition: form-data; name="attributes"\r\nContent-Type: application/json\r\n\r\n`,
    `${JSON.stringify({ name })}\r\n`,
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="notice.txt"\r\nContent-Type: text/plain\r\n\r\n`,
    `${notice}\r\n--${boundary}--\r\n`,
  ].join('');
  await owner.fetch({
    method: 'POST',
    url: `${uploadOrigin(owner.settings)}/api/2.0/files/${at.id}/content`,
    operation: 'UPLOAD /files/{file_id}/content',
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-md5': noticeSha1,
      ...(item?.etag ? { 'if-match': item.etag } : {}),
    },
    body,
  });
}

const versionPath = (id: string, version: string) => `/files/${segment(id)}/versions/${segment(version)}`;
const versionOperation = '/files/{file_id}/versions/{file_version_id}';

async function hideOlder(reached: Reached, which: (version: FileVersion) => boolean): Promise<void> {
  for (const version of await versionsOf(reached)) {
    if (version.trashed_at || !which(version)) continue;
    const path = versionPath(reached.at.id, version.id);
    await call(reached.owner, 'DELETE', versionOperation, path, { accept: [404] });
  }
}

const noticed = 'finds the notice in place of the content';
const mostListed = 20;
function listed(above: readonly LostAccess[]): string {
  const whom = [...new Set(above.map(({ who }) => who))];
  const more = whom.length - mostListed;
  return `${whom.slice(0, mostListed).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

export const overwriteFile: Action<FileTarget, OverwriteState, Settings> = {
  repeat: 'readable',
  async read(base, target, before): Promise<Before<OverwriteState>> {
    const { reached, state } = await read(base, target);
    if (before && state.place === 'gone') throw await unseen(reached.owner, before);
    mustBeThere(state);
    const count = state.older.length + 1;
    const done = state.sha1 === noticeSha1 && state.older.length === 0;
    const began = base.calls();
    const above = done || before ? [] : await lostFromAbove(reached);
    const once = base.calls() - began;
    return {
      state,
      done,
      plan: [
        `Write a notice over ${state.name} as a new version, if it has not changed since (If-Match).`,
        `Move ${count === 1 ? 'the older version' : `all ${count} older versions`} to the trash of versions ` +
          '(DELETE /files/{id}/versions/{id}), or whoever has access reads them on.',
        ...(state.collaborations.length > 0 ? [`They read the notice only: ${names(state.collaborations)}.`] : []),
        ...(above.length > 0 ? [`So does who gets in by a folder above: ${listed(above)}.`] : []),
      ],
      irreversible: [
        'Versions in the trash are purged with it, after 30 days unless set otherwise; until then an undo restores them.',
        'After an undo the content is the same, the current version has a new id and number, and the notice stays in the trash of versions.',
      ],
      owner: state.ownerId,
      losesAccess: [
        ...losing(state.collaborations, state.link).map((lost) => ({ ...lost, how: noticed })),
        ...above.map((lost) => ({ ...lost, how: `${noticed}, ${lost.how}` })),
      ],
      // It and its versions are read before and afterwards, the versions also once the notice is one of them.
      calls: 2 * (callsToRead(reached, state) + 1) + 2 + count,
      once,
      touches: touchesOf(target, state.ownerId),
    };
  },
  async apply(base, target, before) {
    const { reached, state } = await read(base, target);
    mustBeThere(state);
    if (state.sha1 !== noticeSha1) {
      if (state.versionId !== before.versionId) throw conflict(`${state.name} has changed since the plan was made`);
      await upload(reached, state.name);
    }
    await hideOlder(reached, () => true);
    return { after: (await read(base, target)).state };
  },
  async undo(base, target, before, after) {
    let { reached, state } = await read(base, target);
    if (state.place === 'gone') throw await unseen(reached.owner, before);
    mustBeThere(state);
    const { owner, at } = reached;
    const wanted = new Set([before.versionId, ...before.older.map(({ id }) => id)]);
    for (const version of await versionsOf(reached))
      if (version.trashed_at && wanted.has(version.id))
        await call(owner, 'PUT', versionOperation, versionPath(at.id, version.id), { body: { trashed_at: null } });
    if (state.sha1 !== before.sha1) {
      if (before.versionId === null) throw conflict(`Box told no version of ${before.name}`);
      await call(owner, 'POST', '/files/{file_id}/versions/current', `/files/${at.id}/versions/current`, {
        body: { type: 'file_version', id: before.versionId },
      });
      ({ reached, state } = await read(base, target));
    }
    if (state.versionId === before.versionId) return;
    // What was current is current again as a copy: the notice and the original of the copy are superfluous.
    await hideOlder(reached, ({ id }) => id === after.versionId || id === before.versionId);
  },
  restorable: ({ versionId: _, older, ...state }) => ({ ...state, older: older.map(({ sha1 }) => sha1).sort() }),
  verified: (_, after) => after.sha1 === noticeSha1 && after.older.length === 0,
};
