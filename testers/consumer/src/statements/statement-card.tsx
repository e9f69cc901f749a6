import type { Statement } from '@motience/protocol';
import { Button, Card, formErrors, Notice } from '@motience/testers-kit';
import { useSignal } from '@preact/signals';
import { saveFile } from '../save-file.ts';
import { lineInWords } from './line-in-words.ts';
import type { StatementMonth, Statements } from './statements.ts';

/** What was charged month by month, line by line, and the same as files. */
export function StatementCard({ statements }: { statements: Statements }) {
  const months = useSignal<readonly StatementMonth[] | undefined>(undefined);
  const shown = useSignal<Statement | undefined>(undefined);
  const problem = useSignal<string | undefined>(undefined);

  const attempt = async (work: () => Promise<void>) => {
    problem.value = undefined;
    try {
      await work();
    } catch (error) {
      problem.value = formErrors(error, []).form;
    }
  };
  const show = async (month: string) => {
    shown.value = await statements.read(month);
  };
  const look = () =>
    attempt(async () => {
      months.value = await statements.months();
      const [newest] = months.value;
      const month = shown.value?.month ?? newest?.month;
      if (month !== undefined) await show(month);
    });
  const save = (month: string, format: 'csv' | 'pdf') =>
    attempt(async () => saveFile(`statement-${month}.${format}`, await statements.file(month, format)));

  return (
    <Card title="Statements">
      <div class="stack statements" data-testid="statements">
        <div class="tool-buttons">
          <Button onClick={() => void look()}>{months.value === undefined ? 'Show' : 'Look again'}</Button>
          {months.value === undefined || months.value.length === 0 ? null : (
            <select
              aria-label="Month"
              value={shown.value?.month}
              onChange={({ currentTarget: { value } }) => void attempt(() => show(value))}
            >
              {months.value.map(({ month, final }) => (
                <option key={month} value={month}>
                  {final ? month : `${month}, so far`}
                </option>
              ))}
            </select>
          )}
        </div>
        {problem.value === undefined ? null : <Notice tone="bad">{problem.value}</Notice>}
        {months.value?.length === 0 ? <p class="hint">None: nothing was used or paid yet.</p> : null}
        {shown.value === undefined ? null : <StatementView statement={shown.value} onSave={save} />}
      </div>
    </Card>
  );
}

interface StatementViewProps {
  statement: Statement;
  onSave: (month: string, format: 'csv' | 'pdf') => Promise<void>;
}

function StatementView({ statement: { month, balances, lines, next_cursor }, onSave }: StatementViewProps) {
  return (
    <>
      <ul class="statement-lines" aria-label={`Lines of ${month}`}>
        {balances.map(({ currency, opening }) => (
          <Line key={currency} about="Before" of="" amount={`${opening} ${currency}`} />
        ))}
        {lines.map((line) => (
          <Line
            key={line.kind === 'use' ? `subscription ${line.subscription_id}` : line.id}
            {...lineInWords(line)}
            amount={line.currency === null ? '0' : `${line.amount} ${line.currency}`}
          />
        ))}
        {balances.map(({ currency, closing }) => (
          <Line key={currency} about="After" of="" amount={`${closing} ${currency}`} />
        ))}
      </ul>
      {next_cursor === null ? null : <p class="hint">These are the first lines; the files have all.</p>}
      <div class="tool-buttons">
        <Button small onClick={() => void onSave(month, 'csv')}>
          Save as CSV
        </Button>
        <Button small onClick={() => void onSave(month, 'pdf')}>
          Save as PDF
        </Button>
      </div>
    </>
  );
}

function Line({ about, of, amount }: { about: string; of: string; amount: string }) {
  return (
    <li>
      <span>
        {about}
        {of === '' ? null : <span class="hint">{` ${of}`}</span>}
      </span>
      <span class="number">{amount}</span>
    </li>
  );
}
