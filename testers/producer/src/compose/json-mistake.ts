const space = /[ \t\n\r]*/y;
const key = /"(?:[ !#-[\]-\uffff]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const scalar = new RegExp(`${key.source}|-?(?:0|[1-9]\\d*)(?:\\.\\d+)?(?:[eE][+-]?\\d+)?|true|false|null`, 'y');

type Expected = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end';

/** Where a text stops being JSON, as an index into it; its length if something is missing there; undefined if it is JSON. */
export function findJsonMistake(text: string): number | undefined {
  const open: ('{' | '[')[] = [];
  let expected: Expected = 'value';
  let at = 0;
  const take = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const taken = pattern.exec(text)?.[0].length;
    at += taken ?? 0;
    return taken !== undefined;
  };
  while (take(space)) {
    const char = text[at];
    const inside = open.at(-1);
    if (expected === 'comma-or-end' && inside === undefined) return char === undefined ? undefined : at;
    const isEnd = char === (inside === '{' ? '}' : ']') && expected.endsWith('-or-end') && inside !== undefined;
    if (isEnd) {
      open.pop();
      expected = 'comma-or-end';
      at += 1;
    } else if (expected === 'comma-or-end' || expected === 'colon') {
      if (char !== (expected === 'colon' ? ':' : ',')) return at;
      expected = expected === 'comma-or-end' && inside === '{' ? 'key' : 'value';
      at += 1;
    } else if (expected === 'key' || expected === 'key-or-end') {
      if (!take(key)) return at;
      expected = 'colon';
    } else if (char === '{' || char === '[') {
      open.push(char);
      expected = char === '{' ? 'key-or-end' : 'value-or-end';
      at += 1;
    } else {
      if (!take(scalar)) return at;
      expected = 'comma-or-end';
    }
  }
  return at;
}

/** `line 3, column 15`, both counted from 1. */
export function placeInText(text: string, index: number): string {
  const before = text.slice(0, index).split('\n');
  return `line ${before.length}, column ${(before.at(-1) ?? '').length + 1}`;
}
