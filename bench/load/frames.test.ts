import { once } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { Connection } from './connection.ts';
import { clientFrame, frameReader, opcodes } from './frames.ts';

/** A frame as servers send it, without a mask. */
function serverFrame(payload: string, opcode: number = opcodes.text): Buffer {
  const frame = clientFrame(opcode, Buffer.from(payload));
  const header = payload.length < 126 ? 2 : payload.length < 65_536 ? 4 : 10;
  frame[1] = (frame[1] ?? 0) & 0x7f;
  return Buffer.concat([frame.subarray(0, header), frame.subarray(header + 4)]);
}

/** What a reader makes of chunks that all come in the same memory, as from a socket. */
function readChunks(chunks: readonly Buffer[]): string[] {
  const found: string[] = [];
  const reader = frameReader((opcode, bytes, start, end) =>
    found.push(`${opcode}:${bytes.toString('latin1', start, end)}`),
  );
  const memory = Buffer.alloc(Math.max(1, ...chunks.map(({ length }) => length)));
  for (const chunk of chunks) {
    memory.fill(0xee);
    chunk.copy(memory);
    reader.read(memory, 0, chunk.length);
  }
  return found;
}

describe('a frame reader', () => {
  it('finds every frame, of any length, wherever the bytes are cut', () => {
    const payloads = fc.array(
      fc.oneof({ weight: 20, arbitrary: fc.nat(400) }, { weight: 1, arbitrary: fc.constantFrom(65_535, 65_536) }),
      { minLength: 1, maxLength: 12 },
    );
    fc.assert(
      fc.property(payloads, fc.array(fc.nat(300), { minLength: 1 }), (lengths, cuts) => {
        const texts = lengths.map((length, at) => String.fromCharCode(97 + at).repeat(length));
        const bytes = Buffer.concat(texts.map((text) => serverFrame(text)));
        const chunks: Buffer[] = [];
        for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
          const size = Math.max(1, cuts[turn % cuts.length] ?? 1);
          chunks.push(bytes.subarray(at, at + size));
          at += size;
        }
        expect(readChunks(chunks)).toEqual(texts.map((text) => `1:${text}`));
      }),
      { numRuns: 60 },
    );
  });

  it('refuses fragments and masked frames', () => {
    const fragment = serverFrame('a');
    fragment[0] = opcodes.text;
    expect(() => readChunks([fragment])).toThrow(/plain/);
    expect(() => readChunks([clientFrame(opcodes.text, Buffer.from('abc'))])).toThrow(/plain/);
  });
});

describe('a client frame', () => {
  it.each([0, 1, 125, 126, 200, 65_535, 65_536])(
    'of %i bytes is understood by another implementation',
    async (size) => {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
      onTestFinished(() => server.close());
      await once(server, 'listening');
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('the server has no port');
      const received = once(server, 'connection').then(([socket]) => once(socket, 'message'));
      const connection = await Connection.open({ port: address.port, path: '/', dialect: 'plain-producer' });
      onTestFinished(() => connection.end());
      connection.write(clientFrame(opcodes.text, Buffer.from('x'.repeat(size))));
      const [text] = await received;
      expect(String(text)).toBe('x'.repeat(size));
    },
  );
});
