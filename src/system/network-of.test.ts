import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf } from './network-of.js';

test('addresses of one IPv6 network count as one, those of IPv4 each for itself', () => {
  for (const address of ['2001:db8:0:12::1', '2001:0db8::12:ffff:1:2:3', '2001:db8:0:12:a:b:c:d'])
    assert.equal(networkOf(address), '2001:db8:0:12::/64', address);
  assert.equal(networkOf('2001:db8:0:13::1'), '2001:db8:0:13::/64');
  assert.equal(networkOf('fe80::1%eth0'), 'fe80:0:0:0::/64');
  assert.equal(networkOf('::ffff:10.0.0.7'), '10.0.0.7');
  assert.equal(networkOf('10.0.0.7'), '10.0.0.7');
  assert.equal(networkOf('::1'), '0:0:0:0::/64');
});
