import '@motience/testers-kit/styles.css';
import './producer.css';
import { startPage } from '@motience/testers-kit';
import { App } from './app.tsx';

await startPage(App);
