import { createWriteStream, mkdirSync, renameSync, statSync, type WriteStream } from 'node:fs';
import { dirname } from 'node:path';

/** A log of lines that keeps at most twice `maxBytes`: when full it becomes `<file>.1`, in place of an older one. */
export class LogFile {
  private stream: WriteStream;
  private bytes: number;

  constructor(
    private readonly file: string,
    private readonly maxBytes = 10 * 1024 * 1024,
  ) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    this.bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    this.stream = this.open();
  }

  write(line: string): void {
    if (this.bytes >= this.maxBytes) {
      this.stream.end();
      renameSync(this.file, `${this.file}.1`);
      this.bytes = 0;
      this.stream = this.open();
    }
    this.bytes += Buffer.byteLength(line) + 1;
    this.stream.write(`${line}\n`);
  }

  close(): void {
    this.stream.end();
  }

  private open(): WriteStream {
    const stream = createWriteStream(this.file, { flags: 'a', mode: 0o600 });
    // A full disk must not end the platform: the services go on, unlogged.
    stream.on('error', () => {});
    return stream;
  }
}
