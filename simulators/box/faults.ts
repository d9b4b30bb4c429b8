import type { Fault, Manners } from '../kit/vendor-faults.ts';
import type { Markers } from './markers.ts';
import { RawJson } from './raw-json.ts';
import { BoxError } from './respond.ts';
import type { Answer } from '../kit/answer.ts';

export type BoxFault = Fault;

const CODES: Record<number, [string, string]> = {
  400: ['bad_request', 'Bad Request'],
  404: ['not_found', 'Not Found'],
  409: ['operation_blocked_temporary', 'The operation is blocked by another ongoing operation'],
  429: ['rate_limit_exceeded', 'Request rate limit exceeded, please try again later'],
  500: ['internal_server_error', 'Internal Server Error'],
  503: ['unavailable', 'Service Unavailable'],
};
const INVALID_TOKEN =
  'Bearer realm="Service", error="invalid_token", error_description="The access token provided is invalid."';

type Page = Record<string, unknown> & { entries: unknown[] };

const pageOf = ({ body }: Answer): Page | undefined =>
  Array.isArray((body as Page | undefined)?.entries) ? (body as Page) : undefined;

/** Lists are `{ entries, next_marker }`, or `next_stream_position` of events. */
export function boxManners(markers: Markers, now: () => number): Manners {
  return {
    now,
    failing(status) {
      if (status === 401) return { status, headers: { 'www-authenticate': INVALID_TOKEN } };
      const [code, message] = CODES[status] ?? ['internal_server_error', 'Internal Server Error'];
      return { status, body: new BoxError(status, code, message).body('spoilt') };
    },
    emptyList: () => ({ status: 200, body: { entries: [], limit: 100, next_marker: null } }),
    expiredStatus: 400,
    hasPosition: (url) => url.searchParams.has('marker'),
    rowsOf: (answer) => pageOf(answer)?.entries,
    withRows(answer, rows) {
      const page = pageOf(answer) as Page;
      const counted = 'chunk_size' in page ? { chunk_size: rows.length } : {};
      return { ...answer, body: { ...page, ...counted, entries: rows } };
    },
    backTo(answer, url, as) {
      const page = pageOf(answer) as Page;
      const place: Record<string, unknown> = {};
      if (typeof page.next_marker === 'string') {
        const here = url.searchParams.get('marker');
        place.next_marker = as === 'same' ? here : markers.again(here, page.next_marker);
      }
      if ('next_stream_position' in page) {
        // A place in the stream has one text only.
        const asked = url.searchParams.get('stream_position') ?? '0';
        place.next_stream_position = page.next_stream_position instanceof RawJson ? new RawJson(asked) : asked;
      }
      return { ...answer, body: { ...page, ...place } };
    },
    astray(answer, origin) {
      const location = answer.headers?.location;
      if (location === undefined) return answer;
      const { pathname } = new URL(location);
      return { ...answer, headers: { ...answer.headers, location: new URL(pathname, origin).href } };
    },
  };
}
