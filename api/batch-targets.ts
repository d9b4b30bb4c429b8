import { createHash } from 'node:crypto';
import { z } from 'zod';
import { actionTargets, type ActionName, type ActionTarget } from '../connectors/actions.ts';
import type { RecordKind } from '../connectors/records.ts';
import type { Store } from '../store/store.ts';
import { invalidBody, parseBody } from './input.ts';
import { HttpProblem, pointerOf } from './problems.ts';
import { whereOf } from './record-query.ts';

export const mostTargets = 10_000;
/** So that a batch and its actions are one transaction of a bounded size. */
const mostBytes = 4_000_000;

export const targetsBody = {
  targets: z.array(z.unknown()).min(1).max(mostTargets).optional(),
  /** As a list of records takes it: `{"sharing": "public", "size.gte": 1000}`. */
  filter: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
  /** With a filter: the rest of the target, where the records do not tell it. */
  shareTo: z.string().min(1).max(1_100).optional(),
};
interface Given {
  action: ActionName;
  targets?: unknown[] | undefined;
  filter?: Record<string, string | number | boolean> | undefined;
  shareTo?: string | undefined;
}

/** The targets as they were listed, or as the records show them now. */
export async function batchTargets(
  store: Pick<Store, 'records'>,
  connectionId: string,
  { action, targets, filter, shareTo }: Given,
): Promise<ActionTarget[]> {
  if ((targets === undefined) === (filter === undefined))
    throw invalidBody([{ pointer: '/targets', detail: 'wants either targets or a filter' }]);
  if (targets) {
    if (shareTo !== undefined)
      throw invalidBody([{ pointer: '/shareTo', detail: 'goes only with a filter; each target has its own' }]);
    const parsed = targets.map((target, at) => parseBody(actionTargets[action], target, ['targets', at]));
    if (JSON.stringify(parsed).length > mostBytes)
      throw new HttpProblem('body-too-large', `the targets are more than ${mostBytes / 1_000_000} MB`);
    return parsed;
  }
  const kind = kindOf(action);
  const given = Object.fromEntries(Object.entries(filter!).map(([name, value]) => [name, String(value)]));
  const { where, errors } = whereOf(kind, given);
  if (errors.length > 0)
    throw invalidBody(
      errors.map(({ parameter = '', ...error }) => ({ ...error, pointer: pointerOf(['filter', parameter]) })),
    );
  if (Object.keys(where).length === 0)
    throw invalidBody([{ pointer: '/filter', detail: `names nothing: it would be all ${kind} of the connection` }]);
  const rows = await store.records.idsOf(connectionId, kind, { where, limit: mostTargets + 1 });
  if (rows.length > mostTargets)
    throw invalidBody([{ pointer: '/filter', detail: `finds more than ${mostTargets} ${kind}`, remedy: 'narrow it' }]);
  if (rows.length === 0)
    throw invalidBody([{ pointer: '/filter', detail: `finds no ${kind}`, remedy: `GET .../${kind} lists them` }]);
  return rows.map((row) => {
    const known: Record<string, string | undefined> = { ...row, shareTo, [idOf[kind] ?? 'vendorId']: row.vendorId };
    if (kind === 'memberships') Object.assign(known, { groupId: row.groupId, accountId: row.accountId });
    const shape = Object.keys(actionTargets[action].shape);
    return parseBody(actionTargets[action], Object.fromEntries(shape.map((name) => [name, known[name]])), []);
  });
}

const idOf: Partial<Record<RecordKind, string>> = {
  files: 'fileId',
  accounts: 'accountId',
  privileges: 'privilegeId',
  appPermissions: 'appPermissionId',
};

/** The records that such targets are made of. */
function kindOf(action: ActionName): RecordKind {
  const names = Object.keys(actionTargets[action].shape);
  if (names.includes('groupId')) return 'memberships';
  return (Object.keys(idOf) as RecordKind[]).find((kind) => names.includes(idOf[kind]!))!;
}

/** Two requests of the same digest asked for the same. */
export const digestOf = (asked: object): string =>
  createHash('sha256').update(JSON.stringify(asked)).digest('base64url');
