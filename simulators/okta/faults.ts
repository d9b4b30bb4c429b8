import type { Fault, Manners } from '../kit/vendor-faults.ts';
import type { Cursors } from './cursor.ts';
import { OktaError } from './respond.ts';
import type { Answer } from '../kit/answer.ts';

export type OktaFault = Fault;

const CODES: Record<number, [string, string]> = {
  400: ['E0000001', 'Api validation failed: after'],
  401: ['E0000011', 'Invalid token provided'],
  403: ['E0000006', 'You do not have permission to perform the requested action'],
  404: ['E0000007', 'Not found: Resource not found: after (Cursor)'],
  408: ['E0000009', 'Request timeout'],
  429: ['E0000047', 'API call exceeded rate limit due to too many requests.'],
  500: ['E0000009', 'Internal Server Error'],
  503: ['E0000010', 'Service is in read only mode'],
};

/** Lists are bare arrays; what comes next is a Link header. */
export function oktaManners(cursors: Cursors, now: () => number): Manners {
  const relink = (answer: Answer, href: (link: string) => string): Answer => ({
    ...answer,
    links: answer.links?.map((link) => (link.rel === 'next' ? { ...link, href: href(link.href) } : link)),
  });
  return {
    now,
    failing(status) {
      const [code, summary] = CODES[status] ?? ['E0000009', 'Internal Server Error'];
      return { status, body: new OktaError(status, code, summary).body('oaeSpoilt') };
    },
    emptyList: () => ({ status: 200, body: [] }),
    expiredStatus: 404,
    hasPosition: (url) => url.searchParams.has('after'),
    rowsOf: ({ body }) => (Array.isArray(body) ? body : undefined),
    withRows: (answer, rows) => ({ ...answer, body: rows }),
    backTo(answer, url, as) {
      if (as === 'same') return relink(answer, () => url.href);
      return relink(answer, (href) => {
        const next = new URL(href);
        const after = next.searchParams.get('after') ?? '';
        next.searchParams.set('after', cursors.again(url.searchParams.get('after'), after));
        return next.href;
      });
    },
    astray: (answer, origin) =>
      relink(answer, (href) => {
        const next = new URL(href);
        return new URL(next.pathname + next.search, origin).href;
      }),
  };
}
