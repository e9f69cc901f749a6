import { createRoute } from '@hono/zod-openapi';
import { deviceIdSchema, deviceSchema, newDeviceSchema, pageQuerySchema, pageSchema } from '@motience/protocol';
import { errorResponses, type HttpApp, jsonBody, jsonResponse, requireRole } from '@motience/service-kit';
import { z } from 'zod';
import type { Context } from '../context.ts';
import type { SignedIn } from '../create-app.ts';
import { addDevice, listDevices, removeDevice } from '../services/own-devices.ts';

/** `GET /devices`, `POST /devices` and `DELETE /devices/:device_id`, of the producer who is signed in. */
export function addDeviceRoutes(app: HttpApp, services: Context, signedIn: SignedIn): void {
  const own = { security: [{ bearer: [] }], middleware: [signedIn, requireRole('producer')] };
  const refusals = ['invalid-request', 'unauthenticated', 'token-expired', 'forbidden', 'unavailable'] as const;

  const list = createRoute({
    tags: ['Devices'],
    ...own,
    method: 'get',
    path: '/devices',
    summary: 'The own devices',
    request: { query: pageQuerySchema },
    responses: {
      200: jsonResponse('A page of devices, oldest first', pageSchema(deviceSchema)),
      ...errorResponses(...refusals),
    },
  });
  app.openapi(list, async (context) =>
    context.json(await listDevices(services, context.get('claims').sub, context.req.valid('query')), 200),
  );

  const add = createRoute({
    tags: ['Devices'],
    ...own,
    method: 'post',
    path: '/devices',
    summary: 'Add a device',
    request: { body: jsonBody(newDeviceSchema, { device_id: 'rpi_002' }) },
    responses: {
      201: jsonResponse('The new device', deviceSchema),
      ...errorResponses(...refusals, 'conflict', 'rate-limited'),
    },
  });
  app.openapi(add, async (context) =>
    context.json(await addDevice(services, context.get('claims').sub, context.req.valid('json')), 201),
  );

  const remove = createRoute({
    tags: ['Devices'],
    ...own,
    method: 'delete',
    path: '/devices/{device_id}',
    summary: 'Remove a device',
    description: 'Nothing it sends is accepted any more.',
    request: { params: z.object({ device_id: deviceIdSchema }) },
    responses: {
      204: { description: 'The device is removed' },
      ...errorResponses(...refusals, 'not-found', 'rate-limited'),
    },
  });
  app.openapi(remove, async (context) => {
    await removeDevice(services, context.get('claims').sub, context.req.valid('param').device_id);
    return context.body(null, 204);
  });
}
