import type { ComponentChildren } from 'preact';

interface ButtonProps {
  children: ComponentChildren;
  tone?: 'primary' | 'plain' | 'quiet' | 'danger';
  type?: 'button' | 'submit';
  wide?: boolean;
  small?: boolean;
  busy?: boolean;
  disabled?: boolean;
  pressed?: boolean;
  /** When the text alone does not say it. */
  label?: string | undefined;
  onClick?: () => void;
}

export function Button({
  children,
  tone = 'plain',
  type = 'button',
  wide,
  small,
  busy,
  label,
  pressed,
  ...rest
}: ButtonProps) {
  const classes = ['button', `button-${tone}`, wide ? 'wide' : '', small ? 'small' : '', busy ? 'busy' : ''];
  return (
    <button
      type={type}
      class={classes.filter(Boolean).join(' ')}
      aria-busy={busy}
      aria-label={label}
      aria-pressed={pressed}
      {...rest}
    >
      {children}
    </button>
  );
}
