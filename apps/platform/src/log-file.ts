import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** A log of lines that keeps at most about twice `maxBytes`: when full it becomes `<file>.1`, in place of an older one. */
export class LogFile {
  private descriptor: number;
  private bytes: number;
  private closed = false;

  constructor(
    private readonly file: string,
    private readonly maxBytes = 10 * 1024 * 1024,
  ) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.descriptor = openSync(file, 'a', 0o600);
    this.bytes = fstatSync(this.descriptor).size;
  }

  /** Writes at once. A full disk loses the line; the platform goes on. */
  write(line: string): void {
    if (this.closed) return;
    try {
      if (this.bytes >= this.maxBytes) this.turnOver();
      this.bytes += writeSync(this.descriptor, `${line}\n`);
    } catch {
      // Nowhere is left to tell it to.
    }
  }

  /** Nothing is written any more. May be called again. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    closeSync(this.descriptor);
  }

  private turnOver(): void {
    renameSync(this.file, `${this.file}.1`);
    const full = this.descriptor;
    this.descriptor = openSync(this.file, 'a', 0o600);
    closeSync(full);
    this.bytes = 0;
  }
}
