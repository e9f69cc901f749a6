import { runLoad } from '../load/load-process.ts';
import type { Plan, ResultOf, StreamPlan } from '../load/plan.ts';
import { cpuByPart } from '../processes/look-at-processes.ts';
import type { MeasureOptions } from './scenario.ts';

interface Measured<P extends Plan> {
  result: ResultOf<P>;
  /** Cores that each part was busy on between the marks. */
  cores: Map<string, number>;
}

type Hooks = Omit<Parameters<typeof runLoad>[1], 'signal'>;

/** Carries out a plan and looks at the processes at its marks. */
export async function measureLoad<P extends Plan>(
  plan: P,
  { signal }: MeasureOptions,
  hooks: Hooks = {},
): Promise<Measured<P>> {
  let begin = { at: 0, cpu: new Map<string, number>() };
  const cores = new Map<string, number>();
  const onMark = (name: 'begin' | 'end') => {
    const now = { at: performance.now(), cpu: cpuByPart() };
    if (name === 'begin') begin = now;
    else {
      const seconds = (now.at - begin.at) / 1_000;
      for (const [part, cpu] of now.cpu) cores.set(part, Math.max(0, cpu - (begin.cpu.get(part) ?? 0)) / seconds);
    }
    hooks.onMark?.(name);
  };
  const result = await runLoad(plan, { ...hooks, signal, onMark });
  return { result, cores };
}

/** Cores that were busy with what is measured, and not with load. */
export function busyCores(cores: ReadonlyMap<string, number>): number {
  return [...cores].reduce((sum, [part, share]) => (part === 'load' || part === 'other' ? sum : sum + share), 0);
}

/** How long a stream is measured, after it has warmed up. */
export function times(quick: boolean): Pick<StreamPlan, 'warmUpMs' | 'measureMs'> {
  return quick ? { warmUpMs: 300, measureMs: 1_000 } : { warmUpMs: 3_000, measureMs: 8_000 };
}

/** Says so when load was not kept up with; what is measured then is a queue. */
export function behind(perSecond: number, wanted: number): string[] {
  return perSecond < wanted * 0.98
    ? [`falls behind: ${Math.round(perSecond).toLocaleString('en')} of ${wanted.toLocaleString('en')} deliveries/s`]
    : [];
}
