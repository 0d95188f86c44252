// A client of the wire with nothing but Node's own modules: it asks for a withdrawal,
// waits for the callback, checks its signature over the bytes as they came, and
// acknowledges it. Run by the tests: node client.mjs BASE KEY SECRET ADDRESS
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const [base, key, secret, address] = process.argv.slice(2);
const sign = (bytes) => createHmac('sha512', secret).update(bytes).digest('hex');

async function call(path, params) {
  const body = JSON.stringify(params);
  const res = await fetch(base + path, {
    method: 'POST',
    headers: {
      'Content-Type': 'application/json, application/json', // as some libraries write it
      'X-Processing-Key': key, 'X-Processing-Signature': sign(body),
    },
    body,
  });
  return { status: res.status, body: await res.json() };
}

const receiver = createServer((req, res) => {
  const chunks = [];
  req.on('data', (c) => chunks.push(c));
  req.on('end', () => {
    const raw = Buffer.concat(chunks);
    const given = Buffer.from(req.headers['x-processing-signature'] ?? '', 'hex');
    const wanted = Buffer.from(sign(raw), 'hex');
    const genuine = req.headers['x-processing-key'] === key && given.length === wanted.length && timingSafeEqual(given, wanted);
    // Some receivers write the body again before they check it: that must give the same bytes.
    const again = JSON.stringify(JSON.parse(raw.toString())) === raw.toString();
    res.writeHead(genuine ? 200 : 403).end();
    const { id, status } = JSON.parse(raw.toString());
    console.log(JSON.stringify({ callback: { id, status, genuine, again } }));
    receiver.close();
    receiver.closeAllConnections();
    process.exitCode = 0;
  });
});

receiver.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: receiver.address().port })));
createInterface({ input: process.stdin }).once('line', async () => {
  const made = await call('/withdrawal/crypto', { amount: 1e-7 + 0.5, address, foreign_id: 'node-1', currency: 'ETH', tag: '77' });
  console.log(JSON.stringify({ made }));
  const twice = await call('/withdrawal/crypto', { amount: '0.5', address, foreign_id: 'node-1', currency: 'ETH' });
  console.log(JSON.stringify({ twice }));
  process.stdin.destroy();
});
