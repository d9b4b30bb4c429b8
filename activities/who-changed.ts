import { selfLabel } from '../connectors/kit/ocsf.ts';
import type { ActionDocument, Reversion } from '../store/action-documents.ts';
import type { Store } from '../store/store.ts';

/** Among so many of the newest activities. */
const lookedThrough = 200;
const recentMs = 3_600_000;
/** Vendors tell whole seconds, by their own clock. */
const clockMs = 2_000;
/** Classes of OCSF that tell of a change: of accounts, access, groups, entities, files. */
const ofChanges = new Set([3001, 3004, 3005, 3006, 6003, 6006]);
/** Of a file's: downloaded, previewed, opened, which change nothing. */
const mereLooks = new Set([2, 9, 14]);

interface Seen {
  class_uid: number;
  class_name?: string;
  activity_id?: number;
  actor?: { user?: { uid?: string; name?: string; email_addr?: string } };
  metadata?: { event_code?: string; labels?: string[] };
}

/**
 * Who changed the object of an action last, as far as the stored audit trail tells by now. Our own doing is left out: what
 * the trail shows as the credential's, and what it shows as that of the user whose object it is, as whom we may have
 * acted, in the moment when we did.
 */
export async function whoChanged(
  store: Pick<Store, 'actions' | 'records' | 'now'>,
  action: ActionDocument,
): Promise<Reversion['by']> {
  const { connectionId, target, objects = [], finishedAt } = action;
  const since = new Date(Math.max(store.now().getTime() - recentMs, (finishedAt?.getTime() ?? 0) - clockMs));
  const actedAs = new Set(objects.flatMap(({ part }) => part ?? []));
  const acted = await actedIn(store, action);
  const { items } = await store.records.list(connectionId, 'activities', {
    where: { time: { gte: since } },
    limit: lookedThrough,
    order: 'newest',
  });
  // The app's own ids: ours may say the kind in front.
  const ids = [...Object.values(target), ...objects.map(({ vendorId }) => vendorId)].map(
    (id) => `"${id.slice(id.lastIndexOf(':') + 1)}"`,
  );
  for (const item of items) {
    if (item.kind !== 'activities') continue;
    const event = item.event as unknown as Seen;
    if (!ofChanges.has(event.class_uid) || event.metadata?.labels?.includes(selfLabel)) continue;
    if (event.class_uid === 6006 && mereLooks.has(event.activity_id ?? 0)) continue;
    const { actor, ...rest } = event;
    const text = JSON.stringify(rest);
    if (!actor?.user || !ids.some((id) => text.includes(id))) continue;
    const at = item.event.time;
    if (actedAs.has(actor.user.uid ?? '') && acted.some(([from, to]) => at >= from && at <= to)) continue;
    const name = actor.user.email_addr ?? actor.user.name;
    return {
      ...(actor.user.uid !== undefined && { id: actor.user.uid }),
      ...(name !== undefined && { name }),
      activity: event.metadata?.event_code ?? event.class_name ?? String(event.class_uid),
    };
  }
  return undefined;
}

/** When this action, and those that did it again, wrote at the app; in ms, as wide as clocks may differ. */
async function actedIn({ actions }: Pick<Store, 'actions'>, action: ActionDocument): Promise<[number, number][]> {
  const again = (action.reverted ?? []).flatMap(({ repeatedBy }) => repeatedBy ?? []);
  const all = [action, ...(await Promise.all(again.map((id) => actions.get(id))))];
  return all.flatMap((each): [number, number][] => {
    const began = each?.history.find(({ state }) => state === 'applying')?.at;
    return began ? [[began.getTime() - clockMs, (each?.finishedAt ?? began).getTime() + clockMs]] : [];
  });
}
