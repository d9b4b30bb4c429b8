import { isAdmin } from './auth.ts';
import type { EventPage } from './event-log.ts';
import { RawJson } from './raw-json.ts';
import { denied } from './respond.ts';
import { momentOf, numberOf, oneOf } from './route.ts';
import type { Call, Route } from './route.ts';

const STREAMS = ['all', 'changes', 'sync', 'admin_logs', 'admin_logs_streaming'] as const;

function read(call: Call): EventPage {
  const { state, query } = call;
  const stream = oneOf('stream_type', query.get('stream_type') ?? 'all', STREAMS);
  const position = query.get('stream_position');
  const limit = numberOf(call, 'limit', 100, 500);
  if (stream === 'all' || stream === 'changes' || stream === 'sync') {
    return state.personal.read(call.user.id, position, limit);
  }
  if (!call.token.scopes.includes('manage_enterprise_properties') || !isAdmin(call.user) || !call.user.reports) {
    throw denied();
  }
  const types = query.get('event_type');
  const wanted = types === null || types === '' ? undefined : new Set(types.split(','));
  if (stream === 'admin_logs_streaming') return state.events.stream({ position, limit, types: wanted });
  const moment = (name: string) => (query.has(name) ? momentOf(name, query.get(name)) : null);
  return state.events.history({
    position,
    limit,
    types: wanted,
    after: moment('created_after'),
    before: moment('created_before'),
  });
}

export const eventRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/events',
    need: 'any',
    query: ['stream_type', 'stream_position', 'limit', 'event_type', 'created_after', 'created_before'],
    handle: (call) => {
      const { entries, position } = read(call);
      const written = call.state.knobs.positionForm === 'number' ? new RawJson(position) : position;
      return { status: 200, body: { chunk_size: entries.length, next_stream_position: written, entries } };
    },
  },
];
