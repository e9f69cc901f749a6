import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import type { FaultCounts } from './checker/fault-counts.ts';
import type { BuyerVerdict } from './judge-books.ts';
import type { ChaosResult } from './run-chaos.ts';
import { type Fault, faultKinds } from './schedule.ts';

/** What a report says beside what happened. */
export interface ReportFrame {
  command: string;
  seed: number;
  durationMs: number;
}

/** A run, for a program to read. */
export function reportData(
  frame: ReportFrame,
  { faults, verdict, buyers, reconciled, findings, engines, elapsedMs }: ChaosResult,
): object {
  return {
    ...frame,
    commit: commit(),
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    engines,
    elapsedMs: Math.round(elapsedMs),
    faults: countByKind(faults),
    verdict,
    buyers,
    reconciled,
    findings,
  };
}

/** The same run, for people. */
export function reportText(
  frame: ReportFrame,
  { faults, verdict, buyers, reconciled, findings, engines, elapsedMs }: ChaosResult,
): string {
  const delivered = verdict.consumers.reduce((sum, { readings }) => sum + readings, 0);
  const counts = Object.entries(countByKind(faults)).map(([kind, count]) => `| ${kind} | ${count} |`);
  const rows: [string, number | undefined, FaultCounts][] = [
    ['PostgreSQL', undefined, verdict.stored],
    ...verdict.consumers.map(
      ({ name, readings, faults }) => [name, readings, faults] satisfies [string, number, FaultCounts],
    ),
  ];
  const columns = Object.keys(verdict.stored);
  return `# What the chaos run found

${findings.length === 0 ? 'Nothing: every promise was kept.' : findings.map((finding) => `- ${finding}`).join('\n')}

- Command: \`${frame.command}\`
- Seed ${frame.seed}; ${faults.length} faults in ${minutes(frame.durationMs)}, ${minutes(elapsedMs)} in all
- ${number(verdict.acknowledged)} readings acknowledged, ${number(delivered)} delivered, ${verdict.epochs} epochs
- Commit ${commit()}, ${new Date().toISOString().slice(0, 10)}; ${machine()}
- Node ${process.version}, Redis ${engines.redis}, PostgreSQL ${engines.postgres}

| fault | times |
|---|---:|
${counts.join('\n')}

What is counted is explained in \`tests/chaos/checker/fault-counts.ts\`.

| | readings | ${columns.map(inWords).join(' | ')} |
|---|---:|${columns.map(() => '---:').join('|')}|
${rows.map(([name, readings, counts]) => `| ${name} | ${number(readings ?? verdict.acknowledged)} | ${Object.values(counts).join(' | ')} |`).join('\n')}

| consumer | told of a gap | told that its position cannot be served | how its sockets ended |
|---|---:|---:|---|
${verdict.consumers
  .map(
    ({ name, declaredLost, notRecovered, socketEnds }) =>
      `| ${name} | ${declaredLost} | ${notRecovered} | ${Object.entries(socketEnds)
        .map(([end, times]) => `${end} × ${times}`)
        .join(', ')} |`,
  )
  .join('\n')}

What was counted is what billing charges for, or gives as a trial. Readings that came and were not counted went with a gateway
that was killed before it could report them; how many these may be at most is known from when gateways were killed. \`motience-reconcile\`
found the books in order ${reconciled} times, the last time at the end.

| buyer | subscriptions | stops for want of money | readings that came | counted | counted twice | counted, never came | came, not counted (at most) | free | paid in | charged | left |
|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|
${buyers.map(buyerRow).join('\n')}
`;
}

function buyerRow(buyer: BuyerVerdict): string {
  const cells = [
    ...[buyer.name, buyer.subscriptions, buyer.stops, number(buyer.received), number(buyer.counted)],
    ...[buyer.countedTwice, buyer.neverReceived],
    `${buyer.lostWithGateway + buyer.uncounted} (${number(buyer.mayBeLost)})`,
    ...[buyer.freeReadings, euros(buyer.paidIn), euros(buyer.charged), euros(buyer.left)],
  ];
  return `| ${cells.join(' | ')} |`;
}

/** How often each kind of fault came up, and for processes which. */
function countByKind(faults: readonly Fault[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of faultKinds) {
    for (const fault of faults.filter((one) => one.kind === kind)) {
      const isOfProcess = kind === 'kill' || kind === 'freeze';
      const name = isOfProcess ? `${kind} ${fault.target.replace(/-\d+$/, '')}` : kind;
      counts[name] = (counts[name] ?? 0) + 1;
    }
  }
  return counts;
}

const number = (value: number) => value.toLocaleString('en');
const euros = (millionths: number) => (millionths / 1e6).toFixed(6);
const inWords = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
const minutes = (milliseconds: number) => `${(milliseconds / 60_000).toFixed(1)} min`;

function machine(): string {
  const [first] = cpus();
  return `${cpus().length} × ${first?.model.trim() ?? process.arch}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
}

function commit(): string {
  return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
}
