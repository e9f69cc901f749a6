import { Command } from 'commander';

/** The command line as a Raspberry Pi owner reads it in `--help`. Values are checked by `readConfig`. */
export function createCommand(): Command {
  return new Command('motience-device')
    .description(
      'Streams readings of one device to Motience.\n' +
        'Readings wait in a queue on disk until Motience has stored them, so that neither a network cut nor a restart ' +
        'loses or doubles one.',
    )
    .option('--auth-url <url>', 'address of the auth API', 'http://127.0.0.1:3001')
    .option('--gateway-url <url>', 'address of the producer gateway', 'ws://127.0.0.1:8001')
    .option('--username <name>', 'your producer account')
    .option('--password-file <file>', 'file that holds the password (else MOTIENCE_PASSWORD, else it asks)')
    .option('--device-id <id>', 'name of this device in your account')
    .option('--source <source>', 'system (this machine’s own figures), stdin (JSON lines), or a .csv or .jsonl file')
    .option(
      '--interval <time>',
      'pause between readings, such as 500ms or 5m (system: 1s; a repeated file: 1s; else none)',
    )
    .option('--loop', 'start a file again when it ends')
    .option('--restart', 'read a file from its start, also after a run over it was interrupted')
    .option('--register', 'make the account, and add the device to it, if they are not there yet')
    .option('--queue-dir <folder>', 'where readings wait (default: a folder of this device in ~/.local/state/motience)')
    .option(
      '--max-queue-readings <n>',
      'how many may wait (default: 100000); then a file or stdin is held back, and system readings push out the oldest',
    )
    .addHelpText('after', helpText)
    .allowExcessArguments(false)
    .showHelpAfterError('Try: motience-device --help');
}

const helpText = `
JSON lines: each line is one object. It is a reading's data itself, {"temperature":21.5}, or
{"timestamp":"2026-01-31T12:00:00Z","data":{"temperature":21.5}}. CSV: a header row names the fields; a column named
timestamp holds RFC 3339 timestamps. Without a timestamp the present moment is taken. A bad line is reported and skipped.
A run over a file that was interrupted goes on after the last reading it had queued when the same file is given again;
one that had sent everything starts anew.

While less than 16 MiB are free on the queue's disk, or it cannot be written, readings are held back, and what waits is
still sent.

Examples:
  motience-device --username pi --password-file ~/motience-password --device-id rpi_001 --source system
  my-sensor --json | motience-device --username pi --device-id rpi_001 --source stdin
  motience-device --username pi --device-id rpi_001 --source week.csv --interval 1s --loop

Ends with 0 when everything was sent or it was told to stop, 1 if it failed, 2 if an option is wrong. One process per queue.`;
