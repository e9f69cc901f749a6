/** How each kind of server speaks. */
import type { Dialect } from './dialect.ts';
import { opcodes } from './frames.ts';
import { mqttDialect } from './mqtt.ts';
import { natsDialect } from './nats.ts';
import { readNumberBefore } from './reading.ts';

const plain = {
  hello: [],
  readyAtOpen: true,
  opcode: opcodes.text,
  subprotocol: '',
  before: () => '',
  after: '',
  acknowledges: false,
  pong: '',
  acknowledged: () => 0,
} as const;

const code = (character: string) => character.charCodeAt(0);
const [brace, p, t, a, w, s, r, y] = ['{', 'p', 't', 'a', 'w', 's', 'r', 'y'].map(code);
const [zero, two, four] = ['0', '2', '4'].map(code);

/** Readings as they are; a consumer is told `ready` once its streams are subscribed to. */
const plainProducer: Dialect = { ...plain, kindOf: () => 'trouble' };
const plainConsumer: Dialect = {
  ...plain,
  readyAtOpen: false,
  kindOf(bytes, start) {
    const first = bytes[start];
    return first === brace ? 'reading' : first === r ? 'ready' : 'trouble';
  },
};

/** Where the first letter of a key and of a control frame's type stand: `{"type":"ack"`. */
const keyAt = 2;
const typeAt = 9;

const motience: Dialect = {
  ...plain,
  acknowledges: true,
  kindOf(bytes, start) {
    const key = bytes[start + keyAt];
    if (key === p) return 'reading';
    if (key !== t) return 'trouble';
    const type = bytes[start + typeAt];
    if (type === a) return 'ack';
    // welcome, and subscribed in a resume
    if (type === w || type === s) return 'ready';
    return type === p ? 'note' : 'trouble';
  },
  acknowledged: (bytes, end) => readNumberBefore(bytes, end - 1),
};
const motienceConsumer: Dialect = { ...motience, readyAtOpen: false };

/** Tells `42["ready"]` from `42["reading",`. */
const lastOfReady = 8;

/** Engine.IO 4 with one event, `reading`: `0` opens, `40` joins, `42` is an event, `2` a ping. */
const socketIo: Dialect = {
  ...plain,
  hello: ['40'],
  readyAtOpen: false,
  before: () => '42["reading",',
  after: ']',
  pong: '3',
  kindOf(bytes, start, end) {
    const first = bytes[start];
    if (first === zero) return 'note';
    if (first === two && end - start === 1) return 'ping';
    if (first !== four) return 'trouble';
    if (bytes[start + 1] !== two) return bytes[start + 1] === zero ? 'note' : 'trouble';
    return bytes[start + lastOfReady] === y ? 'ready' : 'reading';
  },
};

/** Nchan answers what is published with a report; who subscribes gets what was published meanwhile too. */
const nchanProducer: Dialect = { ...plain, kindOf: () => 'note' };
const nchanConsumer: Dialect = { ...plain, kindOf: (bytes, start) => (bytes[start] === brace ? 'reading' : 'trouble') };

export const dialects = {
  'plain-producer': plainProducer,
  'plain-consumer': plainConsumer,
  'motience-producer': motience,
  'motience-consumer': motienceConsumer,
  'socket-io': socketIo,
  'nchan-producer': nchanProducer,
  'nchan-consumer': nchanConsumer,
  nats: natsDialect,
  mqtt: mqttDialect,
} satisfies Record<string, Dialect>;

export type DialectName = keyof typeof dialects;
