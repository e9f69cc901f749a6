import 'uplot/dist/uPlot.min.css';
import '@motience/testers-kit/styles.css';
import './consumer.css';
import { startPage } from '@motience/testers-kit';
import { App } from './app.tsx';

await startPage(App);
