import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import type { Statement, StatementLine } from '@motience/protocol';
import { requireWaiter } from '@motience/service-kit';
import PDFDocument from 'pdfkit';
import { type Printable, printableIn } from './printable-text.ts';
import { noteOf } from './statement-csv.ts';

const require = createRequire(import.meta.url);
const regularFile = require.resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed.ttf');
const boldFile = require.resolve('dejavu-fonts-ttf/ttf/DejaVuSansCondensed-Bold.ttf');
/** What they are called in a document. */
const regular = 'regular';
const bold = 'bold';

const margin = 48;
const footerHeight = 24;
const gap = 10;
/** Widths of what it is for, what was used, and the amounts; together they fill the page. */
const widths = [245, 130, 104] as const;
/** After so many lines, others get their turn. */
const linesAtOnce = 25;

/** The fonts of statements, to be read once. */
export interface StatementFonts {
  readonly regular: Buffer;
  readonly bold: Buffer;
  readonly printable: Printable;
}

export async function readStatementFonts(): Promise<StatementFonts> {
  const [regularFont, boldFont] = await Promise.all([readFile(regularFile), readFile(boldFile)]);
  return { regular: regularFont, bold: boldFont, printable: printableIn(regularFont) };
}

interface Cell {
  readonly text: string;
  readonly small?: string;
  readonly isBold?: boolean;
}
type Cells = readonly [what: Cell, use: Cell, amount: Cell];

/**
 * A statement on A4 pages, which carry the table's head and are numbered. Names are shown as far as the font has their
 * letters (Latin, Greek, Cyrillic, Arabic, Hebrew and more). Others are written as codes, and the reader is told so: fonts
 * for all scripts would be several, each cut into a hundred files, none of which PDFKit mixes with another in one text.
 * The account's id is always with its name. Refuses to go on when nobody waits for it any more.
 */
export async function statementPdf(
  statement: Statement,
  fonts: StatementFonts,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const { account_name, account_id, role, month, final, balances, lines } = statement;
  const { printable } = fonts;
  const created = final ? new Date(`${month}-01T00:00:00Z`) : new Date();
  const doc = new PDFDocument({
    size: 'A4',
    margin,
    bufferPages: true,
    info: { Title: `Statement ${month}`, Author: 'Motience', CreationDate: created },
    // Its own ones alone.
    font: '',
  });
  doc.registerFont(regular, fonts.regular).registerFont(bold, fonts.bold);
  const chunks: Uint8Array[] = [];
  doc.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  const ended = new Promise<void>((fulfil, reject) => {
    doc.once('end', fulfil);
    doc.once('error', reject);
  });

  doc.font(bold).fontSize(18).text(`Statement ${month}`);
  doc
    .font(regular)
    .fontSize(10)
    .text(`${printable(account_name)} (${role} ${account_id})`);
  doc.fillColor('#555555').text(final ? 'Final.' : 'Not final: the month is not closed yet.');
  if (namesIn(statement).some((name) => printable(name) !== name)) doc.fontSize(8).text(lettersNote);
  doc.fillColor('black');
  doc.moveDown();

  const table = new Table(doc);
  for (const { currency, opening } of balances) table.add(balanceCells('Opening balance', currency, opening));
  for (const [at, line] of lines.entries()) {
    table.add(cellsOf(line, printable));
    if (at % linesAtOnce !== 0) continue;
    await setImmediate();
    requireWaiter(signal);
  }
  for (const { currency, use, movements, closing } of balances) {
    const small = `use ${use}, money moved ${movements}`;
    table.add(balanceCells('Closing balance', currency, closing, small));
  }

  const { start, count } = doc.bufferedPageRange();
  for (let page = start; page < start + count; page += 1) {
    doc.switchToPage(page);
    // Without a margin there, text at the foot would begin a new page.
    doc.page.margins.bottom = 0;
    doc.font(regular).fontSize(8).fillColor('#555555');
    const y = doc.page.height - margin + 6;
    doc.text(`Motience · ${role} ${account_id} · ${month}`, margin, y, { lineBreak: false });
    doc.text(`${page - start + 1} of ${count}`, margin, y, { align: 'right', width: doc.page.width - 2 * margin });
  }
  doc.end();
  await ended;
  return Uint8Array.from(Buffer.concat(chunks));
}

function balanceCells(text: string, currency: string, amount: string, small = ''): Cells {
  return [{ text, small, isBold: true }, { text: '' }, { text: `${amount} ${currency}`, isBold: true }];
}

function cellsOf(line: StatementLine, printable: Printable): Cells {
  if (line.kind !== 'use') {
    const { kind, id, at, currency, amount, silence, subscription_id } = line;
    const of = subscription_id === null ? '' : `Subscription ${subscription_id}. `;
    const small = `${of}${silence ? `${noteOf(silence)}. ` : ''}${at.slice(0, 10)}, transaction ${id}`;
    return [{ text: titles[kind], small }, { text: '' }, { text: `${amount} ${currency}` }];
  }
  const { subscription_id, account_id, account_name, plan, use, trial, charge, fee, amount, currency } = line;
  const used = [
    use.readings !== '0' && `${grouped(use.readings)} readings, ${grouped(use.bytes)} bytes`,
    use.seconds !== '0' && `${grouped(use.seconds)} seconds`,
  ].filter((text) => text !== false);
  const free = [
    trial.readings !== '0' && `${grouped(trial.readings)} readings`,
    trial.seconds !== '0' && `${grouped(trial.seconds)} seconds`,
  ].filter((text) => text !== false);
  const words = `Account ${account_id}, subscription ${subscription_id}. ${plan ? `${printable(plan.name)}: ${plan.in_words}` : 'Free'}`;
  return [
    { text: printable(account_name), small: words },
    { text: used.join('\n'), small: free.length > 0 ? `of these in the trial: ${free.join(', ')}` : '' },
    {
      text: currency === null ? '0' : `${amount} ${currency}`,
      small: fee === null ? '' : `charged ${charge}, fee ${fee}`,
    },
  ];
}

const lettersNote =
  'Letters that the font of this document lacks are written as \\u{…} with their code in Unicode. The statement as CSV or JSON has them as they are.';

/** What accounts and plans are called by those they belong to. */
function namesIn({ account_name, lines }: Statement): string[] {
  return [
    account_name,
    ...lines.flatMap((line) => (line.kind === 'use' ? [line.account_name, line.plan?.name ?? ''] : [])),
  ];
}

const titles: Record<Exclude<StatementLine['kind'], 'use'>, string> = {
  'top-up': 'Top-up',
  credit: 'Credit',
  refund: 'Refund',
  dispute: 'Disputed payment',
  payout: 'Payout',
  reversal: 'Correction',
};

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+$)/g, ',');
}

/** Rows one below the other; one that does not fit on a page begins the next, below the head. */
class Table {
  constructor(private readonly doc: PDFKit.PDFDocument) {
    this.head();
  }

  add(cells: Cells): void {
    const { doc } = this;
    const height = Math.max(...cells.map((cell, column) => this.heightOf(cell, widths[column] ?? 0)));
    if (doc.y + height > doc.page.height - margin - footerHeight) {
      doc.addPage();
      this.head();
    }
    const top = doc.y;
    let left = margin;
    for (const [column, cell] of cells.entries()) {
      const width = widths[column] ?? 0;
      const align = column === cells.length - 1 ? 'right' : 'left';
      doc
        .font(cell.isBold ? bold : regular)
        .fontSize(9)
        .fillColor('black');
      doc.text(cell.text, left, top, { width, align });
      if (cell.small)
        doc.font(regular).fontSize(7.5).fillColor('#555555').text(cell.small, left, doc.y, { width, align });
      left += width + gap;
    }
    this.rule(top + height + 3);
  }

  private head(): void {
    const { doc } = this;
    const top = doc.y;
    let left = margin;
    doc.font(bold).fontSize(8).fillColor('#555555');
    for (const [column, title] of ['For', 'Used', 'Amount'].entries()) {
      const width = widths[column] ?? 0;
      doc.text(title, left, top, { width, align: column === 2 ? 'right' : 'left' });
      left += width + gap;
    }
    this.rule(doc.y + 2);
  }

  private rule(y: number): void {
    const { doc } = this;
    doc
      .moveTo(margin, y)
      .lineTo(doc.page.width - margin, y)
      .lineWidth(0.5)
      .strokeColor('#bbbbbb')
      .stroke();
    doc.y = y + 4;
    doc.fillColor('black');
  }

  private heightOf({ text, small, isBold }: Cell, width: number): number {
    const { doc } = this;
    const height = doc
      .font(isBold ? bold : regular)
      .fontSize(9)
      .heightOfString(text, { width });
    return small ? height + doc.font(regular).fontSize(7.5).heightOfString(small, { width }) : height;
  }
}
