import { type ComponentType, render } from 'preact';
import { z } from 'zod';
import { loadPageConfig, type PageConfig } from './page-config.ts';
import { Button } from './parts/button.tsx';
import { Notice } from './parts/notice.tsx';

// The page's policy forbids code made from strings, which zod would otherwise try.
z.config({ jitless: true });

/** Learns where the platform is and shows the page, or says why it cannot. */
export async function startPage(App: ComponentType<{ config: PageConfig }>): Promise<void> {
  const root = document.getElementById('page');
  if (!root) throw new Error('the document has no element with id "page"');
  try {
    const config = await loadPageConfig();
    render(<App config={config} />, root);
  } catch (error) {
    render(
      <main class="sign-in">
        <Notice tone="bad">{error instanceof Error ? error.message : String(error)}</Notice>
        <Button onClick={() => location.reload()}>Try again</Button>
      </main>,
      root,
    );
  }
}
