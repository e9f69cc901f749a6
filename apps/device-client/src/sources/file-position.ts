import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { z } from 'zod';

const headBytes = 64 * 1024;

/** What tells a file from another one under its path: its size when it was opened, and the SHA-256 of its head. */
const fileIdentitySchema = z.object({ size: z.int().nonnegative(), head: z.string() });
type FileIdentity = z.infer<typeof fileIdentitySchema>;

const filePositionSchema = z.object({
  file: fileIdentitySchema,
  /** Which reading of the file, from 1; what is skipped as bad does not count. */
  record: z.int().positive(),
  /** How often the file had been begun, from 1. */
  round: z.int().positive(),
});
export type FilePosition = z.infer<typeof filePositionSchema>;

/** The name under which positions in a file are kept. */
export function fileOrigin(path: string): string {
  return resolve(path);
}

export function formatPosition(position: FilePosition): string {
  return JSON.stringify(position);
}

export function parsePosition(text: string): FilePosition {
  return filePositionSchema.parse(JSON.parse(text));
}

/** Gives nothing for what is not a regular file: a pipe cannot be read a second time. */
export async function identifyFile(path: string): Promise<FileIdentity | undefined> {
  const stats = await stat(path);
  return stats.isFile() ? { size: stats.size, head: await hashHead(path, stats.size) } : undefined;
}

/** Whether the path still holds the file, which may have grown at its end. */
export async function isSameFile(path: string, { size, head }: FileIdentity): Promise<boolean> {
  const stats = await stat(path);
  return stats.isFile() && stats.size >= size && (await hashHead(path, size)) === head;
}

/** Of the first 64 KiB, or of `size` bytes if that is less. */
async function hashHead(path: string, size: number): Promise<string> {
  const hash = createHash('sha256');
  const end = Math.min(size, headBytes) - 1;
  if (end >= 0) for await (const chunk of createReadStream(path, { end })) hash.update(chunk);
  return hash.digest('base64url');
}
