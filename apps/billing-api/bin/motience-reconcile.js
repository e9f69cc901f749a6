#!/usr/bin/env node
import '../dist/reconcile.js';
