import type { ActionName } from '../../connectors/actions.ts';
import type { Executed, Settled } from './subject.ts';

/** Which call it is by the vendor's count, which one takes it back, whether once too often does no harm. */
const counted: Partial<Record<ActionName, { does: string; undoes?: string; harmless?: true }>> = {
  suspendUser: { does: 'suspend', undoes: 'unsuspend' },
  revokeSessions: { does: 'clear_sessions', harmless: true },
  requirePasswordReset: { does: 'expire_password' },
};

export const misdoneAtOkta = (settled: readonly Settled[], executed: Executed, disruptions: number): string[] =>
  settled.flatMap(({ id, action, target, undo, state, alike }) => {
    const rule = counted[action];
    if (!rule) return [];
    const name = `action ${id} (${action})`;
    const times = (what: string) => executed[what]?.[target['accountId'] ?? ''] ?? 0;
    const isDone = state === (undo ? 'undone' : 'done');
    const wrong = (what: string, from: number, to: number) =>
      times(what) < from || times(what) > to
        ? [`${name}: the vendor did "${what}" ${times(what)} times, not ${from} to ${to}`]
        : [];
    return [
      ...wrong(rule.does, isDone ? alike : 0, rule.harmless ? alike + disruptions : alike),
      ...(rule.undoes ? wrong(rule.undoes, undo && isDone ? 1 : 0, undo ? 1 : 0) : []),
      ...(action === 'suspendUser' && state === 'done' && times('clear_sessions') === 0
        ? [`${name}: suspended, but the sessions and tokens were never ended`]
        : []),
    ];
  });
