/** Of an event of a history only what is looked at. */
export interface HistoryEvent {
  eventTime?: { seconds?: unknown; nanos?: number | null } | null;
  eventId?: unknown;
  workflowTaskCompletedEventAttributes?: object | null;
  workflowTaskFailedEventAttributes?: { failure?: { message?: string | null } | null } | null;
}

export const isCompleted = (event: HistoryEvent): boolean => !!event.workflowTaskCompletedEventAttributes;

/**
 * What was failed since a workflow task was last completed. Temporal writes down the first of several failures in a row
 * and the first after each new event. Time-outs are none: those are of a worker that went away.
 * @param events newest first
 * @returns `worked`: a completed task is among these events; null where nothing was failed
 */
export function failuresIn(
  events: readonly HistoryEvent[],
): { tries: number; since: Date; why: string; worked: boolean } | null {
  const completed = events.findIndex(isCompleted);
  const failed = events
    .slice(0, completed === -1 ? undefined : completed)
    .filter((event) => event.workflowTaskFailedEventAttributes);
  const first = failed.at(-1);
  if (!first) return null;
  const said = failed[0]!.workflowTaskFailedEventAttributes?.failure?.message;
  return {
    tries: failed.length,
    since: new Date(Number(first.eventTime?.seconds ?? 0) * 1_000),
    why: (said || 'it gave no reason').split('\n')[0]!.slice(0, 300),
    worked: completed !== -1,
  };
}
