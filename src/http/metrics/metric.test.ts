import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHistogram } from '../../observe/histogram.js';
import { metricsText } from '../../observe/metrics-text.js';
import { histogram } from './metric.js';

test('a histogram counts up to each bound, with the sum and the count, as Prometheus reads them', () => {
  const times = createHistogram([0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) times.observe(value);
  const text = metricsText([histogram('x_seconds', 'Time.', [{ labels: { peer: 'a"b' }, reading: times.read() }])]);
  assert.deepEqual(text.trimEnd().split('\n'), [
    '# HELP x_seconds Time.',
    '# TYPE x_seconds histogram',
    'x_seconds_bucket{peer="a\\"b",le="0.1"} 2',
    'x_seconds_bucket{peer="a\\"b",le="1"} 3',
    'x_seconds_bucket{peer="a\\"b",le="+Inf"} 4',
    'x_seconds_sum{peer="a\\"b"} 7.65',
    'x_seconds_count{peer="a\\"b"} 4',
  ]);
});

test('a histogram of nothing has no lines', () => {
  assert.equal(metricsText([histogram('x_seconds', 'Time.', [])]), '');
});
