import { Command } from 'commander';

/** What the command line asks for. */
export interface Wishes {
  demo: boolean;
  install: boolean;
  dataDir?: string;
}

/** Reads the command line; prints help or what is wrong with it and ends the process where that is called for. */
export function readCommandLine(args: readonly string[]): Wishes {
  return new Command('npm start --')
    .description('Starts Motience on this machine: PostgreSQL, Redis, all services and both tester pages.')
    .option('--no-demo', 'leave out the demo accounts and the demo device')
    .option('--no-install', 'do not install Redis where it is missing')
    .option('--data-dir <folder>', 'keep data, secrets and logs here (default: MOTIENCE_DATA_DIR or .motience)')
    .addHelpText('after', '\nEverything else is set by environment variables or in .env; see .env.example.')
    .allowExcessArguments(false)
    .parse([...args], { from: 'user' })
    .opts<Wishes>();
}
