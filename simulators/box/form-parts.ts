import { badRequest } from './respond.ts';

export interface FormPart {
  name: string;
  filename: string | undefined;
  data: Buffer;
}

const BREAK = Buffer.from('\r\n\r\n');

/** The parts of a multipart/form-data body, in their order. */
export function formParts(contentType: string | undefined, body: Buffer): FormPart[] {
  const boundary = /^multipart\/form-data;.*boundary="?([^";]+)"?/i.exec(contentType ?? '')?.[1];
  if (boundary === undefined) throw badRequest('multipart/form-data is wanted');
  const mark = Buffer.from(`--${boundary}`);
  const parts: FormPart[] = [];
  let at = body.indexOf(mark);
  while (at >= 0) {
    const from = at + mark.length;
    if (body.subarray(from, from + 2).toString('latin1') === '--') return parts;
    const headersEnd = body.indexOf(BREAK, from);
    const next = headersEnd < 0 ? -1 : body.indexOf(Buffer.concat([Buffer.from('\r\n'), mark]), headersEnd);
    if (next < 0) break;
    const headers = body.subarray(from, headersEnd).toString('utf8');
    const disposition = /content-disposition:\s*form-data;(.*)/i.exec(headers)?.[1] ?? '';
    parts.push({
      name: /[ ;]name="([^"]*)"/.exec(` ${disposition}`)?.[1] ?? '',
      filename: /filename="([^"]*)"/.exec(disposition)?.[1],
      data: body.subarray(headersEnd + BREAK.length, next),
    });
    at = next + 2;
  }
  throw badRequest('The multipart body has no end');
}
