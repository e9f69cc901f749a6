import { errorBodySchema, type Statement, statementListSchema, statementSchema } from '@motience/protocol';
import type { Session } from '@motience/sdk';

export type StatementMonth = Awaited<ReturnType<Statements['months']>>[number];

const linesAtOnce = 100;
const timeoutMs = 15_000;

/** The signed-in consumer's statements, at the billing service. */
export class Statements {
  readonly #url: string;
  readonly #session: Session;

  constructor(billingUrl: string, session: Session) {
    this.#url = `${billingUrl}/statements`;
    this.#session = session;
  }

  /** The months there are statements of, newest first. */
  async months() {
    const { items } = await this.#session.request({ method: 'GET', url: this.#url, timeoutMs }, statementListSchema);
    return items;
  }

  /** The first lines of a month's statement. */
  read(month: string): Promise<Statement> {
    const url = `${this.#url}/${month}?limit=${linesAtOnce}`;
    return this.#session.request({ method: 'GET', url, timeoutMs }, statementSchema);
  }

  /** All of it, as a file. */
  async file(month: string, format: 'csv' | 'pdf'): Promise<Blob> {
    const headers = { authorization: `Bearer ${await this.#session.accessToken()}` };
    const response = await fetch(`${this.#url}/${month}?format=${format}`, { headers });
    if (response.ok) return response.blob();
    const refused = errorBodySchema.safeParse(await response.json());
    throw new Error(refused.success ? refused.data.error.message : `the billing service answered ${response.status}`);
  }
}
