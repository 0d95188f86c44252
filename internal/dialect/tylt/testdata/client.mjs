// A client of the wire with nothing but Node's own modules: it asks for a payout, looks
// it up, waits for the callback, checks its signature over the bytes as they came, and
// acknowledges it. Run by the tests: node client.mjs BASE KEY SECRET ADDRESS
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

const [base, key, secret, address] = process.argv.slice(2);
const sign = (text) => createHmac('sha256', secret).update(text).digest('hex');

async function post(path, params) {
  const body = JSON.stringify(params);
  const res = await fetch(base + path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-TLP-APIKEY': key, 'X-TLP-SIGNATURE': sign(body) },
    body,
  });
  return { status: res.status, ...(await res.json()) };
}

// The parameters travel in the query and are signed as JSON, numbers as numbers.
async function get(path, params = {}) {
  const query = new URLSearchParams(params).toString();
  const res = await fetch(base + path + (query && '?' + query), {
    headers: { 'X-TLP-APIKEY': key, 'X-TLP-SIGNATURE': sign(JSON.stringify(params)) },
  });
  const answer = await res.json();
  // Lists of some clients stand and fall with this.
  if (answer.errorCode !== 0) throw new Error(`${path}: ${answer.msg}`);
  return answer.data;
}

const seen = new Set();
const receiver = createServer((req, res) => {
  const chunks = [];
  req.on('data', (c) => chunks.push(c));
  req.on('end', () => {
    const raw = Buffer.concat(chunks);
    const given = Buffer.from(req.headers['x-tlp-signature'] ?? '', 'hex');
    const wanted = Buffer.from(sign(raw), 'hex');
    const genuine = given.length === wanted.length && timingSafeEqual(given, wanted);
    const { data, type } = JSON.parse(raw.toString());
    // The vendor's own sample signs what it has read and written again.
    const again = sign(JSON.stringify(JSON.parse(raw.toString()))) === req.headers['x-tlp-signature'];
    const status = data.status.toLowerCase().replaceAll(' ', '_');
    const fresh = !seen.has(sign(raw));
    seen.add(sign(raw));
    console.log(JSON.stringify({
      callback: { type, status, genuine, again, fresh, orderId: data.orderId, hash: data.transactions[0]?.transactionHash ?? '', sent: data.settledAmountSent, final: data.isFinal },
    }));
    res.writeHead(genuine ? 200 : 403).end(genuine ? 'ok' : 'no');
    receiver.close();
    receiver.closeAllConnections();
  });
});

receiver.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: receiver.address().port })));
createInterface({ input: process.stdin }).once('line', async () => {
  const currencies = await get('getSupportedCryptoCurrenciesList');
  const eth = currencies.find((c) => c.currencySymbol === 'ETH').networks[0];
  const made = await post('createPayoutRequest', {
    settledAmount: 1e-7 + 0.5, settledCurrency: 'ETH', destinationDetails: { address, networkSymbol: eth.networkSymbol }, // the newer body
    merchantOrderId: 77, payeeDetails: [], comments: 'naïve <b>&</b>', callBackUrl: `http://127.0.0.1:${receiver.address().port}/told`,
  });
  console.log(JSON.stringify({ made }));
  const found = await get('getPayoutTransactionInformation', { orderId: made.data.orderId });
  const history = await get('getPayoutTransactionHistory', { rows: 20, page: 1 });
  const balance = await get('getAccountBalance');
  console.log(JSON.stringify({ found: found.orderId, history: history.map((p) => p.orderId), balance }));
  const twice = await post('createPayoutRequest', { baseAmount: 9, address, settledCurrency: 'USDT', networkSymbol: 'TRC20' });
  console.log(JSON.stringify({ twice }));
  process.stdin.destroy();
});
