import { useEffect, useRef } from 'preact/hooks';

/** Gives the focus somewhere once something that was open is closed, and with it what had the focus is gone. */
export function useFocusAfter(isOpen: boolean, focus: () => void): void {
  const wasOpen = useRef(false);
  useEffect(() => {
    if (wasOpen.current && !isOpen) focus();
    wasOpen.current = isOpen;
  }, [isOpen, focus]);
}
