import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

interface CardProps {
  title: string;
  /** Beside the title: a count, buttons. */
  aside?: ComponentChildren;
  children: ComponentChildren;
  /** Lets the content reach the edges. */
  flush?: boolean;
}

/** A titled region of the page. */
export function Card({ title, aside, children, flush = false }: CardProps) {
  const id = useId();
  return (
    <section class={flush ? 'card card-flush' : 'card'} aria-labelledby={id}>
      <div class="card-head">
        <h2 id={id}>{title}</h2>
        {aside === undefined ? null : <div class="card-aside">{aside}</div>}
      </div>
      {children}
    </section>
  );
}
