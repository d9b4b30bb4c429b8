import type { BoxSimulator } from './simulator.ts';

export interface Said {
  status: number;
  headers: Headers;
  /** Parsed JSON; undefined without a body. */
  body: Record<string, unknown> & { entries?: Record<string, unknown>[]; next_marker?: string | null };
  text: string;
}

/** Asks a simulator as a caller would; for the tests of this folder. */
export class Caller {
  readonly box: BoxSimulator;
  token = '';

  constructor(box: BoxSimulator) {
    this.box = box;
  }

  /** A token of the service account, or of a user. */
  async signIn(subject: { user?: string } = {}): Promise<Said> {
    const said = await this.form('/oauth2/token', {
      grant_type: 'client_credentials',
      client_id: this.box.clientId,
      client_secret: this.box.clientSecret,
      box_subject_type: subject.user === undefined ? 'enterprise' : 'user',
      box_subject_id: subject.user ?? this.box.enterpriseId,
    });
    if (said.status === 200) this.token = String(said.body.access_token);
    return said;
  }

  async form(path: string, fields: Record<string, string>): Promise<Said> {
    return read(await fetch(this.box.url + path, { method: 'POST', body: new URLSearchParams(fields) }));
  }

  /** `as` is the id of the user to act as. */
  async ask(
    method: string,
    path: string,
    given: { as?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Said> {
    const response = await fetch(`${this.box.url}/2.0${path}`, {
      method,
      redirect: 'manual',
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(given.as === undefined ? {} : { 'as-user': given.as }),
        ...(given.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...given.headers,
      },
      body: given.body === undefined ? undefined : JSON.stringify(given.body),
    });
    return read(response);
  }

  get(path: string, as?: string): Promise<Said> {
    return this.ask('GET', path, { as });
  }

  async upload(
    path: string,
    attributes: unknown,
    text: string,
    given: { as?: string; headers?: Record<string, string>; fileFirst?: boolean } = {},
  ): Promise<Said> {
    const form = new FormData();
    const file = () => form.append('file', new Blob([text]), 'upload');
    if (given.fileFirst) file();
    form.append('attributes', JSON.stringify(attributes));
    if (!given.fileFirst) file();
    const response = await fetch(`${this.box.uploadUrl}/api/2.0${path}`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.token}`,
        ...(given.as === undefined ? {} : { 'as-user': given.as }),
        ...given.headers,
      },
      body: form,
    });
    return read(response);
  }

  /** Every row of a list with markers. */
  async all(path: string, as?: string): Promise<Record<string, unknown>[]> {
    const rows: Record<string, unknown>[] = [];
    let marker = '';
    do {
      const said = await this.get(path + (marker === '' ? '' : `&marker=${encodeURIComponent(marker)}`), as);
      if (said.status !== 200) throw new Error(`${path}: ${said.status} ${said.text}`);
      rows.push(...(said.body.entries ?? []));
      marker = said.body.next_marker ?? '';
    } while (marker !== '');
    return rows;
  }
}

async function read(response: Response): Promise<Said> {
  const text = await response.text();
  const json = text !== '' && (response.headers.get('content-type') ?? '').startsWith('application/json');
  return {
    status: response.status,
    headers: response.headers,
    body: (json ? JSON.parse(text) : undefined) as Said['body'],
    text,
  };
}
