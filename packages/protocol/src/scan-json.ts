/**
 * Finds where values lie in a JSON text that `JSON.parse` has already accepted, so that a reading's `data` can be
 * passed on byte for byte. Knowing the text is valid, these loops only have to tell strings from brackets.
 */

export interface Member {
  key: string;
  /** Start and end (exclusive) of the member's value in the text. */
  start: number;
  end: number;
  /** How many brackets deep the value goes; a number or a string is 0 deep, `{}` is 1. */
  depth: number;
}

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** Members of the object that starts at `start`, in order, duplicates included. */
export function scanObject(text: string, start: number): Member[] {
  const members: Member[] = [];
  let at = skipSpace(text, start + 1);
  while (text.charCodeAt(at) !== closeBrace) {
    const keyEnd = skipString(text, at);
    const raw = text.slice(at + 1, keyEnd - 1);
    const key = raw.includes('\\') ? String(JSON.parse(`"${raw}"`)) : raw;
    const valueStart = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const { end, depth } = skipValue(text, valueStart);
    members.push({ key, start: valueStart, end, depth });
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return members;
}

/** The texts of the elements of an array; none if it is no JSON. */
export function splitArray(text: string): string[] {
  try {
    JSON.parse(text);
  } catch {
    return [];
  }
  return scanArray(text, skipSpace(text, 0)).map(({ start, end }) => text.slice(start, end));
}

/** Start and end of each element of the array that starts at `start`. */
export function scanArray(text: string, start: number): { start: number; end: number }[] {
  const elements: { start: number; end: number }[] = [];
  let at = skipSpace(text, start + 1);
  while (text.charCodeAt(at) !== closeBracket) {
    const { end } = skipValue(text, at);
    elements.push({ start: at, end });
    at = skipSpace(text, end);
    if (text.charCodeAt(at) === comma) at = skipSpace(text, at + 1);
  }
  return elements;
}

export function skipSpace(text: string, at: number): number {
  let next = at;
  for (;;) {
    const code = text.charCodeAt(next);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return next;
    next += 1;
  }
}

function skipString(text: string, start: number): number {
  let at = text.indexOf('"', start + 1);
  while (isEscaped(text, at)) at = text.indexOf('"', at + 1);
  return at + 1;
}

/** Whether an odd number of backslashes stands right before. */
function isEscaped(text: string, at: number): boolean {
  let before = at - 1;
  while (text.charCodeAt(before) === backslash) before -= 1;
  return (at - before) % 2 === 0;
}

function skipValue(text: string, start: number): { end: number; depth: number } {
  let at = start;
  let open = 0;
  let depth = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === quote) {
      at = skipString(text, at);
      if (open === 0) return { end: at, depth };
      continue;
    }
    if (code === openBrace || code === openBracket) {
      open += 1;
      if (open > depth) depth = open;
    } else if (code === closeBrace || code === closeBracket) {
      if (open === 0) return { end: at, depth };
      open -= 1;
      if (open === 0) return { end: at + 1, depth };
    } else if (open === 0 && (code === comma || code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09)) {
      return { end: at, depth };
    }
    at += 1;
  }
  return { end: at, depth };
}

/**
 * The first escape in the text that must not be passed on: `\u0000`, which PostgreSQL's JSON refuses, or half of a
 * surrogate pair, which is no character. Undefined if there is none.
 */
export function findForbiddenEscape(text: string): string | undefined {
  let at = text.indexOf('\\');
  while (at !== -1) {
    let next = at + 2;
    if (text[at + 1] === 'u') {
      next = at + 6;
      const code = Number.parseInt(text.slice(at + 2, next), 16);
      if (code === 0) return '\\u0000';
      if (code >= 0xd800 && code <= 0xdfff) {
        const pair = /^\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})$/.test(text.slice(at, at + 12));
        if (!pair) return text.slice(at, next);
        next = at + 12;
      }
    }
    at = text.indexOf('\\', next);
  }
  return undefined;
}
