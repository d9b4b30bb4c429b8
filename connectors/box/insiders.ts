import { createAged } from '../kit/aged.ts';
import { inParallel } from '../kit/in-parallel.ts';
import { listByMarker, remembered } from './api.ts';
import { readManaged } from './lookup-users.ts';
import { userMini } from './schemas.ts';
import { tenantOf, type BoxSession } from './settings.ts';

/** Whom something is shared with: a user by id, or a mere address. */
export interface Person {
  id?: string;
  login?: string;
}
export interface Insiders {
  has(person: Person): boolean;
}

/** Who comes in later is in the store before this is over. */
const answers = createAged<boolean>({ forMs: 3_600_000, most: 100_000 });
const askedAtOnce = 5;

const nameOf = ({ id, login }: Person): string => (id === undefined ? `login ${login?.toLowerCase()}` : `id ${id}`);

/** Who of these the store has as an account of the enterprise; Box is asked nothing. */
export async function knownInsiders(session: BoxSession, people: readonly Person[]): Promise<Insiders> {
  const distinct = (of: (person: Person) => string | undefined) => [...new Set(people.flatMap((one) => of(one) ?? []))];
  const [ids, logins] = [distinct(({ id }) => id), distinct(({ login }) => login?.toLowerCase())];
  const [accounts, names] = await Promise.all([
    ids.length > 0 ? session.recall('accounts', ids) : new Map<string, unknown>(),
    logins.length > 0 ? session.haveLogin(logins) : new Set<string>(),
  ]);
  return {
    has: ({ id, login }) =>
      (id !== undefined && accounts.has(id)) || (login !== undefined && names.has(login.toLowerCase())),
  };
}

/**
 * Who of these belongs to the enterprise; collaborators do not say so themselves. About those whom the store does not
 * know Box is asked, since they may have come a moment ago.
 */
export async function insiders(session: BoxSession, people: readonly Person[]): Promise<Insiders> {
  const known = await knownInsiders(session, people);
  const strangers = new Map(people.filter((one) => !known.has(one)).map((one) => [nameOf(one), one]));
  const found = await inParallel([...strangers], askedAtOnce, async ([name, one]) => {
    return (await isManaged(session, name, one)) ? [name] : [];
  });
  const inside = new Set(found.flat());
  return { has: (one) => known.has(one) || inside.has(nameOf(one)) };
}

const isManaged = (session: BoxSession, name: string, person: Person): Promise<boolean> =>
  remembered(session, `inside: ${name}`, async () => {
    const key = `${tenantOf(session)} ${name}`;
    const before = answers.get(key, session.now());
    if (before !== undefined) return before;
    const answer =
      person.id === undefined ? await hasLogin(session, person.login ?? '') : !!(await readManaged(session, person.id));
    answers.set(key, answer, session.now());
    return answer;
  });

async function hasLogin(session: BoxSession, login: string): Promise<boolean> {
  const { rows } = await listByMarker(session, '/users', '/users', userMini, {
    query: { user_type: 'managed', usemarker: true, limit: 100, filter_term: login, fields: 'login' },
  });
  return rows.some((user) => user.login?.toLowerCase() === login.toLowerCase());
}
