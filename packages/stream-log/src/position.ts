/** A position in a stream: the last reading that was dealt with. */
export interface Position {
  epoch: string;
  seq: number;
}
