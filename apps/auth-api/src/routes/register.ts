import { createRoute } from '@hono/zod-openapi';
import { Refusal, registerRequestSchema, userSchema } from '@motience/protocol';
import { clientOf, errorResponses, type HttpApp, jsonBody, jsonResponse } from '@motience/service-kit';
import type { Context } from '../context.ts';
import { registerAccount } from '../services/register-account.ts';

/** `POST /register`: 201 with the new account. */
export function addRegisterRoute(app: HttpApp, services: Context): void {
  const { config, limits } = services;
  const route = createRoute({
    tags: ['Account'],
    method: 'post',
    path: '/register',
    summary: 'Register as a producer or a consumer',
    description: 'A device_id, for producers only, becomes the first device.',
    request: {
      body: jsonBody(registerRequestSchema(config.passwordMinLength), {
        username: 'producer1',
        password: 'pass123',
        role: 'producer',
        device_id: 'rpi_001',
      }),
    },
    responses: {
      201: jsonResponse('The new account', userSchema),
      ...errorResponses('invalid-request', 'conflict', 'rate-limited', 'unavailable'),
    },
  });
  app.openapi(route, async (context) => {
    const account = context.req.valid('json');
    if (account.role === 'consumer' && account.device_id !== undefined) throw deviceOfConsumer();
    await limits.registers.consume(context.get('clientAddress'));
    return context.json(await registerAccount(services, account, clientOf(context)), 201);
  });
}

function deviceOfConsumer(): Refusal {
  const message = 'only a producer has devices';
  return new Refusal('invalid-request', `device_id: ${message}`, { details: [{ path: 'device_id', message }] });
}
