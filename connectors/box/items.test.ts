import { expect, it } from 'vitest';
import { fileRecord, itemFields, listedFields } from './items.ts';
import { item } from './schemas.ts';

const inList = (more: object) =>
  fileRecord(item.parse({ type: 'file', id: '1', name: 'plan.pdf', file_version: { id: '777' }, ...more }), [], {
    path: '',
    ancestors: [],
  });

it('a file tells the id of its version and which one that is, as the list has it', () => {
  for (const fields of [listedFields, itemFields]) expect(fields.split(',')).toContain('version_number');
  expect(inList({ version_number: '3' })).toMatchObject({ version: '777', versionNumber: '3' });
  expect(inList({ version_number: 3 })).toMatchObject({ versionNumber: '3' });
});

it('a folder has none, nor a file of which Box tells none', () => {
  expect(inList({}).versionNumber).toBeUndefined();
  expect(inList({ version_number: '' }).versionNumber).toBeUndefined();
  expect(inList({ type: 'folder', file_version: undefined, version_number: null }).versionNumber).toBeUndefined();
});
