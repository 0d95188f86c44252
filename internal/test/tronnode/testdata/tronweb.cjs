// A second implementation of TRON builds, signs, sends and reads transactions at the node
// whose URLs and keys come as JSON in the first argument. Each step prints one line of JSON:
// its name, and what it found, or the error that it ended with.
"use strict";
const { TronWeb, utils } = require("tronweb");
const fs = require("node:fs");

const world = JSON.parse(process.argv[2]);
const tron = new TronWeb({ fullHost: world.full, solidityNode: world.solid, privateKey: world.key });
const abi = JSON.parse(world.abi);

async function step(name, work) {
  let line;
  try {
    line = { name, found: await work() };
  } catch (e) {
    line = { name, error: String((e && e.message) || e) };
  }
  fs.writeSync(1, JSON.stringify(line) + "\n");
}

async function order(path, body = {}) {
  const r = await fetch(world.control + path, { method: "POST", body: JSON.stringify(body) });
  if (!r.ok) throw new Error(await r.text());
}
const produce = (n = 1) => order("/produce", { Blocks: n });
const transfer = (token, to, units, options = {}) =>
  tron.transactionBuilder
    .triggerSmartContract(token, "transfer(address,uint256)", { feeLimit: 150_000_000, ...options }, [
      { type: "address", value: to },
      { type: "uint256", value: units },
    ])
    .then((r) => r.transaction);

// send signs, sends both ways in turn, and says what the node shows of it.
let turn = 0;
async function send(tx) {
  const signed = await tron.trx.sign(tx);
  const answer = turn++ % 2 === 0 ? await tron.trx.sendRawTransaction(signed) : await tron.trx.sendHexTransaction(whole(signed));
  if (answer.result !== true) throw new Error(answer.code + ": " + answer.message);
  const waiting = await tron.trx.getUnconfirmedTransactionInfo(tx.txID);
  await produce();
  const info = await tron.trx.getUnconfirmedTransactionInfo(tx.txID);
  const shown = await tron.fullNode.request("wallet/gettransactionbyid", { value: tx.txID }, "post");
  return { txid: tx.txID, raw: tx.raw_data_hex, answer: answer.txid || answer.transaction.txID, waiting: Object.keys(waiting).length,
    info, shown: shown.raw_data_hex, signature: signed.signature[0], shownSignature: shown.signature[0] };
}

// whole is the signed transaction in hex: raw data is field 1, a signature field 2.
function whole(signed) {
  const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >> 7)]);
  const field = (number, hex) => Buffer.concat([Buffer.from([(number << 3) | 2, ...varint(hex.length / 2)]), Buffer.from(hex, "hex")]);
  return Buffer.concat([field(1, signed.raw_data_hex), ...signed.signature.map((s) => field(2, s))]).toString("hex");
}

async function main() {
  for (const v of world.vectors) {
    await step("vector " + v.name, () => {
      const type = v.raw.includes("5472616e73666572436f6e7472616374") ? "TransferContract" : "TriggerSmartContract";
      const raw_data = utils.deserializeTx.deserializeTransaction(type, v.raw);
      const pb = utils.transaction.txJsonToPb({ raw_data, visible: false });
      return {
        txid: utils.transaction.txPbToTxID(pb).replace(/^0x/, ""),
        raw: utils.transaction.txPbToRawDataHex(pb).toLowerCase(),
        owner: tron.address.fromHex(raw_data.contract[0].parameter.value.owner_address),
        signer: v.signature && v.recoverable && tron.address.fromHex(utils.crypto.ecRecover(v.txid, v.signature)),
      };
    });
  }
  await step("address", () => ({ hex: tron.address.toHex(world.payee), base58: tron.address.fromHex(tron.address.toHex(world.payee)), own: tron.defaultAddress.base58 }));
  await step("send TRX", async () => send(await tron.transactionBuilder.sendTrx(world.payee, 5)));
  await step("send TRX to a new account", async () => send(await tron.transactionBuilder.sendTrx(world.empty, 1_000_000)));
  await step("send TRX with a memo", async () => send(await tron.transactionBuilder.addUpdateData(await tron.transactionBuilder.sendTrx(world.payee, 6), "to tony", "utf8")));
  await step("send TRX that lives longer", async () => send(await tron.transactionBuilder.extendExpiration(await tron.transactionBuilder.sendTrx(world.payee, 7), 600)));
  await step("send TRX with permission 2", async () => send(await tron.transactionBuilder.sendTrx(world.payee, 8, undefined, { permissionId: 2 })));
  await step("send USDT", async () => send(await transfer(world.dollar, world.payee, 3_500_000)));
  await step("send USDT, built by tronweb alone", async () => send(await transfer(world.dollar, world.payee, 9, { txLocal: true })));
  await step("send USDT without energy", async () => send(await transfer(world.dollar, world.empty, 1, { feeLimit: 2_000_000 })));
  await step("send more USDT than there is", async () => send(await transfer(world.dollar, world.payee, "900000000000000000", { txLocal: true })));
  await step("send a standard token", async () => send(await transfer(world.standard, world.payee, 11)));
  await step("deploy", async () => {
    const tx = await tron.transactionBuilder.createSmartContract({ abi: [], bytecode: "6005600c60003960056000f360006000f3", feeLimit: 10_000_000, name: "c", originEnergyLimit: 1, userFeePercentage: 100 }, world.payer);
    turn = 1; // the ABI is part of the hash and is not read from JSON
    const sent = await send(tx);
    return { at: tx.contract_address, ...sent, deployed: await tron.trx.getContract(tx.contract_address) };
  });
  await step("simulate", async () => {
    const r = await tron.transactionBuilder.triggerConstantContract(world.dollar, "transfer(address,uint256)", {}, [{ type: "address", value: world.payee }, { type: "uint256", value: 1 }]);
    return { energy: r.energy_used, penalty: r.energy_penalty, output: r.constant_result[0], result: r.result.result };
  });
  await step("read a token", async () => {
    const token = await tron.contract(abi, world.dollar);
    const onChain = await tron.contract().at(world.dollar);
    return { balance: String(await token.balanceOf(world.payee).call()), decimals: Number(await onChain.decimals().call()), symbol: await onChain.symbol().call() };
  });
  await step("read accounts", async () => ({
    balance: await tron.trx.getBalance(world.payer), account: (await tron.trx.getUnconfirmedAccount(world.payer)).address,
    nobody: await tron.trx.getUnconfirmedAccount("T9yD14Nj9j7xAB4dbGeiX9h8unkKHxuWwb"), resources: await tron.trx.getAccountResources(world.payer),
  }));
  await step("read the chain", async () => {
    const head = await tron.trx.getCurrentBlock();
    const solid = await tron.trx.getConfirmedCurrentBlock();
    const genesis = await tron.trx.getBlockByNumber(0);
    const range = await tron.trx.getBlockRange(1, 3);
    const parameters = await tron.trx.getChainParameters();
    return { head: head.block_header.raw_data.number, solid: solid.block_header.raw_data.number, genesis: genesis.blockID,
      range: range.map((b) => b.block_header.raw_data.number), energy: parameters.find((p) => p.key === "getEnergyFee").value,
      node: (await tron.trx.getNodeInfo()).configNodeInfo.codeVersion, byId: (await tron.trx.getBlockByHash(head.blockID)).blockID === head.blockID };
  });
  await step("sign for another", async () => {
    const tx = await tron.transactionBuilder.sendTrx(world.payee, 5);
    tx.signature = [utils.crypto.ECKeySign(utils.code.hexStr2byteArray(tx.txID), utils.code.hexStr2byteArray("11".repeat(32)))];
    return tron.trx.sendRawTransaction(tx);
  });
  await step("two signatures", async () => {
    const build = await tron.transactionBuilder.sendTrx(world.payee, 5, world.shared, { permissionId: 2 });
    const first = await tron.trx.multiSign(build, world.key, 2);
    const early = await tron.trx.getSignWeight(first, 2);
    const both = await tron.trx.multiSign(first, world.second, 2);
    const late = await tron.trx.getSignWeight(both, 2);
    const answer = await tron.trx.sendRawTransaction(both);
    await produce();
    return { early: early.current_weight, late: late.current_weight, signed: late.approved_list, result: answer.result, fee: (await tron.trx.getUnconfirmedTransactionInfo(build.txID)).fee };
  });
  await step("final", async () => {
    const sent = await send(await tron.transactionBuilder.sendTrx(world.payee, 12));
    const before = await tron.trx.getTransactionInfo(sent.txid);
    await produce(18);
    return { before: Object.keys(before).length, block: (await tron.trx.getTransactionInfo(sent.txid)).blockNumber === sent.info.blockNumber };
  });
}

main();
