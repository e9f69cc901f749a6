import { createRoute } from '@hono/zod-openapi';
import type { Database } from '@motience/database';
import { month } from '@motience/ledger/pricing';
import {
  deliveredIntervalPageSchema,
  idSchema,
  monthSchema,
  pageQuerySchema,
  type Statement,
  statementListSchema,
  statementSchema,
} from '@motience/protocol';
import { clientOf, errorResponses, type HttpApp, jsonResponse } from '@motience/service-kit';
import { accepts } from 'hono/accepts';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { readIntervals } from '../statements/read-intervals.ts';
import { readLastFinal, readMonths } from '../statements/read-months.ts';
import { readDetailedStatement, readStatement, readWholeStatement } from '../statements/read-statement.ts';
import { readStatementAccount } from '../statements/statement-account.ts';
import { ownerOf } from './owner-of.ts';
import { refusals } from './refusals.ts';

const params = z.object({ month: monthSchema });
const ownerQuery = z.object({
  /** Whose; an account's own if it is left out. */
  account_id: idSchema.optional(),
});
const formats = { json: 'application/json', csv: 'text/csv', pdf: 'application/pdf' } as const;
const formatSchema = z.enum(['json', 'csv', 'pdf'], { error: 'expected one of json, csv, pdf' });

/** How many lines a statement may have that is made in one piece, and, as CSV, days and epochs. */
const mostLines = { csv: 20_000, pdf: 2_000 };
const mostDetails = 100_000;

/** `GET /statements`, `/statements/:month` as JSON, CSV or PDF, and the intervals that a line is the sum of. */
export function addStatementRoutes(app: HttpApp, { reads, documents }: Context, signedIn: SignedIn): void {
  const own = { tags: ['Statements'], security: [{ bearer: [] }], middleware: [signedIn] };

  const list = createRoute({
    ...own,
    method: 'get',
    path: '/statements',
    summary: 'Months that there are statements of, newest first',
    request: { query: ownerQuery },
    responses: { 200: jsonResponse('The months', statementListSchema), ...errorResponses(...refusals, 'not-found') },
  });
  app.openapi(list, async (context) => {
    const owner = ownerOf(context.get('claims'), context.req.valid('query').account_id);
    const items = await reads.run(context.get('claims'), async ({ db }) => {
      const account = await readStatementAccount(db, owner);
      const lastFinal = await readLastFinal(db, account);
      const months = await readMonths(db, account);
      return months.map((of) => ({ month: of, final: lastFinal !== undefined && of <= lastFinal }));
    });
    return context.json({ items }, 200);
  });

  const show = createRoute({
    ...own,
    method: 'get',
    path: '/statements/{month}',
    summary: 'What an account used or sold in a month (UTC), what that cost, and what money came and went',
    description:
      'As JSON, a page of lines at a time, each with the days and epochs it is the sum of; as CSV or PDF in one piece. A month that is final never changes any more: what has to be put right is posted in the month that is open then.',
    request: {
      params,
      query: pageQuerySchema.extend({
        ...ownerQuery.shape,
        /** Left out, the Accept header decides. */
        format: formatSchema.optional(),
      }),
    },
    responses: {
      200: {
        description: 'The statement',
        content: {
          'application/json': { schema: statementSchema },
          'text/csv': { schema: z.string() },
          'application/pdf': { schema: z.string() },
        },
      },
      ...errorResponses(...refusals, 'not-found', 'too-large'),
    },
  });
  app.openapi(show, async (context) => {
    const { account_id, format: asked, ...page } = context.req.valid('query');
    const accountId = ownerOf(context.get('claims'), account_id);
    const of = month(context.req.valid('param').month);
    const accepted = accepts(context, { header: 'Accept', supports: Object.values(formats), default: formats.json });
    const format = asked ?? formatSchema.options.find((name) => formats[name] === accepted) ?? 'json';
    const read = <Result>(work: (database: Database) => Promise<Result>) => reads.run(context.get('claims'), work);
    if (format === 'json') {
      return context.json(await read((database) => readStatement(database, { accountId, month: of, ...page })), 200);
    }
    const whole = { accountId, month: of, most: mostLines[format] };
    const asking = { accountId: context.get('claims').sub, signal: clientOf(context).signal };
    const headersOf = (statement: Statement) => ({
      'content-type': format === 'csv' ? 'text/csv; charset=utf-8' : formats.pdf,
      'content-disposition': `attachment; filename="statement-${nameOf(statement)}.${format}"`,
      vary: 'Accept',
    });
    if (format === 'csv') {
      const { statement, body } = await documents.csv(asking, () =>
        read((database) => readDetailedStatement(database, { ...whole, mostDetails })),
      );
      return context.body(body, 200, headersOf(statement));
    }
    const { statement, body } = await documents.pdf(asking, () =>
      read((database) => readWholeStatement(database, whole)),
    );
    return context.body(body, 200, headersOf(statement));
  });

  const intervals = createRoute({
    ...own,
    method: 'get',
    path: '/statements/{month}/intervals',
    summary: 'The intervals of seq that a line of a statement is the sum of',
    description:
      'By epoch, and by the seq they end with. Those of a day whose readings are kept no more are one item. An item stands for all of its day and epoch from its first seq to its last one, also for what a former page said of it.',
    request: {
      params,
      query: pageQuerySchema.extend({ ...ownerQuery.shape, subscription_id: idSchema }),
    },
    responses: {
      200: jsonResponse('A page of intervals', deliveredIntervalPageSchema),
      ...errorResponses(...refusals, 'not-found'),
    },
  });
  app.openapi(intervals, async (context) => {
    const { account_id, subscription_id, ...page } = context.req.valid('query');
    const accountId = ownerOf(context.get('claims'), account_id);
    const query = {
      accountId,
      subscriptionId: BigInt(subscription_id),
      month: month(context.req.valid('param').month),
    };
    const found = await reads.run(context.get('claims'), (database) => readIntervals(database, { ...query, ...page }));
    return context.json(found, 200);
  });
}

function nameOf({ role, account_id, month: of }: Statement): string {
  return `${of}-${role}-${account_id}`;
}
