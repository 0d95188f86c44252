// A client of the wire with nothing but Node's own modules: it gets a token, makes a
// user with an account group and a reference account, lets money come in, registers a
// webhook, withdraws, and checks the signature of every package that it is sent with the
// keys that the wire publishes. Run by the tests: node client.mjs BASE CLIENT SECRET KEY,
// KEY being a private key in PEM, of the curve P-521 or Ed25519.
import { createHash, createPrivateKey, createPublicKey, randomUUID, sign, verify } from 'node:crypto';
import { createServer } from 'node:http';

const [base, client, secret, pem] = process.argv.slice(2);
const key = createPrivateKey(pem);
const sha = (name, bytes) => createHash(name).update(bytes).digest('base64');
const now = () => Math.floor(Date.now() / 1000);

let token = '';

// call signs all headers but those that a client of the vendor's leaves out.
async function call(method, target, body, extra = {}, unsigned = {}) {
  const raw = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const headers = { accept: 'application/json', 'upvest-client-id': client, ...extra };
  if (token) headers.authorization = `Bearer ${token}`;
  else delete headers['upvest-client-id']; // the form has it
  if (raw) {
    headers['content-type'] ??= 'application/json';
    headers['content-length'] = String(Buffer.byteLength(raw));
    headers['content-digest'] = `sha-512=:${sha('sha512', raw)}:`;
  }
  const [path, query] = target.split('?');
  const parts = [['@method', method], ['@path', path], ...(query ? [['@query', `?${query}`]] : []), ...Object.entries(headers)];
  const params = `(${parts.map(([n]) => `"${n}"`).join(' ')});keyid="${client}";nonce="${randomUUID()}";created=${now()};expires=${now() + 10}`;
  const text = Buffer.from([...parts.map(([n, v]) => `"${n}": ${v}`), `"@signature-params": ${params}`].join('\n'));
  const signature = key.asymmetricKeyType === 'ed25519' ? sign(null, text, key) : sign('sha512', text, { key, dsaEncoding: 'der' });
  delete headers['content-length']; // fetch writes it
  const res = await fetch(base + target, {
    method,
    body: raw || undefined,
    headers: { ...headers, ...unsigned, 'signature-input': `sig1=${params}`, signature: `sig1=:${signature.toString('base64')}:`, 'upvest-signature-version': '15' },
  });
  const answer = await res.text();
  return { status: res.status, body: answer ? JSON.parse(answer) : null };
}

const create = (path, body) => call('POST', path, body, {}, { 'idempotency-key': randomUUID() });

async function must(promise, status) {
  const res = await promise;
  if (res.status !== status) throw new Error(`${res.status} instead of ${status}: ${JSON.stringify(res.body)}`);
  return res.body;
}

// Whether a package is of the holder of a published key.
function genuine(keys, req, raw) {
  const input = req.headers['signature-input'].replace(/^sig1=/, '');
  const [, list, kid] = /^\(([^)]*)\);keyid="([^"]+)"/.exec(input);
  const values = { '@method': req.method, '@path': req.url };
  const lines = list.split(' ').map((n) => JSON.parse(n)).map((n) => `${n}: ${values[n] ?? req.headers[n]}`);
  const text = Buffer.from([...lines, `@signature-params: ${input}`].join('\n'));
  const jwk = keys.find((k) => k.kid === kid);
  const signature = Buffer.from(/^sig1=:(.*):$/.exec(req.headers.signature)[1], 'base64');
  return req.headers.digest === `SHA-256=${sha('sha256', raw)}` && verify('sha512', text, { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'der' }, signature);
}

const events = [];
let keys = [];
const receiver = createServer((req, res) => {
  const chunks = [];
  req.on('data', (c) => chunks.push(c));
  req.on('end', () => {
    const raw = Buffer.concat(chunks);
    const good = genuine(keys, req, raw);
    res.writeHead(good ? 200 : 403).end();
    for (const e of JSON.parse(raw.toString()).payload) events.push({ ...e, good });
    if (!events.some((e) => e.type === 'CASH_BALANCE.UPDATED' && e.object.available_for_withdrawal === '0')) return;
    const withdrawal = events.find((e) => e.type === 'WITHDRAWAL.NEW');
    console.log(JSON.stringify({ events: events.length, genuine: events.every((e) => e.good), id: withdrawal.object.id, status: withdrawal.object.status }));
    receiver.close();
    receiver.closeAllConnections();
  });
});

receiver.listen(0, '127.0.0.1', async () => {
  const form = new URLSearchParams({
    client_id: client, client_secret: secret, grant_type: 'client_credentials',
    scope: 'payments:admin reference_accounts:admin positions:read users:admin accounts:admin webhooks:admin topups:admin orders:admin mandates:read',
  });
  token = (await must(call('POST', '/auth/token', form.toString(), { 'content-type': 'application/x-www-form-urlencoded' }), 200)).access_token;
  const user = await must(create('/users', {
    first_name: 'Max', last_name: 'Mustermann', birth_date: '1972-09-30', nationalities: ['DE'],
    address: { address_line1: 'Unter den Linden 1', postcode: '10117', city: 'Berlin', country: 'DE' },
  }), 200);
  const group = await must(create('/account_groups', { user_id: user.id, type: 'PERSONAL' }), 200);
  await must(create('/accounts', { account_group_id: group.id, user_id: user.id, type: 'TRADING', name: 'Trading' }), 200);
  const reference = await must(create('/payments/reference_accounts', {
    user_id: user.id, account_owner: 'Max Mustermann', iban: 'DE02100500000054540402', bic: 'BELADEBE', confirmed_at: '2020-08-24T14:15:22Z',
  }), 200);
  await must(create('/payments/topups', { account_group_id: group.id, cash_amount: '1.50', currency: 'EUR' }), 200);
  const hook = await must(call('POST', '/webhooks', { title: 'node', url: `http://127.0.0.1:${receiver.address().port}/told`, config: { delay: '1s', max_package_size: 12400 } }), 201);
  await must(call('PATCH', `/webhooks/${hook.id}`, { ...hook, enabled: true }), 200);
  keys = (await must(call('GET', '/auth/verify_keys'), 200)).keys;
  const made = await must(create('/payments/withdrawals', {
    reference_account_id: reference.id, account_group_id: group.id, amount: '1.50', currency: 'EUR', remittance_information: 'Withdrawal', purpose_code: 'OTHR',
  }), 200);
  const listed = await must(call('GET', `/account_groups/${group.id}/payments/withdrawals?limit=1&order=DESC`), 200);
  console.log(JSON.stringify({ made: made.id, status: made.status, listed: listed.data[0].id, balance: (await must(call('GET', `/account_groups/${group.id}/payments/cash_balance`), 200)).available_for_withdrawal }));
});
