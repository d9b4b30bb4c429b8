import { open } from 'node:fs/promises';

/** The first 256 KB after `from` bytes: where a server announces itself. */
export async function headOf(file: string, from: number): Promise<string> {
  return readPart(file, (size) => [from, Math.min(size - from, 262_144)]);
}

/** The last lines after `from` bytes, at most 4 KB. */
export async function tailOf(file: string, from: number): Promise<string> {
  const text = await readPart(file, (size) => [Math.max(from, size - 4_096), Math.min(size - from, 4_096)]);
  return text.split('\n').slice(-12).join('\n');
}

async function readPart(file: string, part: (size: number) => [position: number, length: number]): Promise<string> {
  const handle = await open(file);
  try {
    const [position, length] = part((await handle.stat()).size);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}
