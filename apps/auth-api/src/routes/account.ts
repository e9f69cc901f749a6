import { createRoute } from '@hono/zod-openapi';
import { nameChangeSchema, passwordChangeSchema, userSchema } from '@motience/protocol';
import { clientOf, errorResponses, type HttpApp, jsonBody, jsonResponse } from '@motience/service-kit';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { changeName, changePassword, readOwnAccount } from '../services/own-account.ts';

interface Ways {
  reading: SignedIn;
  /** Not with an API key. */
  inPerson: SignedIn;
}

/** `GET /me`, `PUT /me/name` and `PUT /me/password`. */
export function addAccountRoutes(app: HttpApp, services: Context, { reading, inPerson }: Ways): void {
  const own = { security: [{ bearer: [] }], middleware: [inPerson] };
  const account = { 200: jsonResponse('The account', userSchema) };

  const me = createRoute({
    tags: ['Account'],
    ...own,
    middleware: [reading],
    method: 'get',
    path: '/me',
    summary: 'The own account',
    responses: { ...account, ...errorResponses('unauthenticated', 'token-expired', 'forbidden', 'unavailable') },
  });
  app.openapi(me, async (context) => context.json(await readOwnAccount(services, context.get('claims')), 200));

  const name = createRoute({
    tags: ['Account'],
    ...own,
    method: 'put',
    path: '/me/name',
    summary: 'Change the name others see',
    request: { body: jsonBody(nameChangeSchema) },
    responses: { ...account, ...errorResponses('invalid-request', 'unauthenticated', 'token-expired', 'unavailable') },
  });
  app.openapi(name, async (context) => {
    return context.json(await changeName(services, context.get('claims'), context.req.valid('json').name), 200);
  });

  const password = createRoute({
    tags: ['Account'],
    ...own,
    method: 'put',
    path: '/me/password',
    summary: 'Change the password',
    description: 'Ends every other session.',
    request: { body: jsonBody(passwordChangeSchema(services.config.passwordMinLength)) },
    responses: {
      ...account,
      ...errorResponses(
        'invalid-request',
        'unauthenticated',
        'token-expired',
        'forbidden',
        'rate-limited',
        'unavailable',
      ),
    },
  });
  app.openapi(password, async (context) => {
    const { current_password, new_password } = context.req.valid('json');
    const change = {
      currentPassword: current_password,
      newPassword: new_password,
      client: clientOf(context),
    };
    return context.json(await changePassword(services, context.get('claims'), change), 200);
  });
}
