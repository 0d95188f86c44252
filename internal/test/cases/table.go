package main

// incident is one row of the table.
type incident struct {
	number    int
	elsewhere string // what happened there
	sluice    string // what Sluice does
	open      string // what is not there yet, or does not apply, beside what the tests prove; "" for nothing
	untested  string // why no test proves anything; "" where one does
}

const (
	noScreening = "Sluice does not screen recipients against lists yet, so there is no answer that could be stale; operators screen before they call the API."
	noConsole   = "there is no web console yet; it has to pass the same test."
)

var table = []incident{
	{1, "Flexcoin: thousands of withdrawals ran side by side before the balance moved.", "Of many withdrawals of a whole balance exactly one is accepted.", "", ""},
	{2, "Poloniex: parallel withdrawals drove balances below zero, and the daemon paid them.", "The database refuses a bucket below zero; a broken invariant stops the write path.", "", ""},
	{3, "LNbank: a balance in memory decided, and parallel calls all passed.", "The row that decides is read and locked in the commit that reserves, whichever process asks.", "", ""},
	{4, "ACIDRain: many shop systems broke under the default isolation of their databases.", "Transfers from several processes keep the total in every read; a command that runs again leaves its effect once.", "", ""},
	{5, "A bill was overpaid because two payments each wrote the total they had computed.", "A row changes only from the version that was read; a write that hits no row stops everything.", "", ""},
	{6, "A replica showed commits in an order that never was.", "Decisions read inside their own commit; reads that lag decide nothing.", "", ""},
	{7, "BitGrail: a repeated withdrawal was paid every time.", "A repeat at the API, in a worker or at a node ends in one payout.", "", ""},
	{8, "An API took an idempotency key and ignored it.", "The same key and body get the first answer and move money once, on every route.", "", ""},
	{9, "A refund freed the idempotency key, and a retry paid again.", "A key that has an answer keeps it, refusals included.", "", ""},
	{10, "A client made its key from the clock, so every retry was a new payment.", "What Sluice sends has an id that is stored before the first byte leaves; every repeat carries the same.", noConsole, ""},
	{11, "A client retried after its key had expired.", "The merchant's own id never expires: the conflict names the first withdrawal.", "", ""},
	{12, "A key came again with another amount, and the old answer came back.", "Another body under the same key is refused, and nothing moves.", "", ""},
	{13, "Two requests with one key arrived at the same moment.", "One row; both callers learn of the same withdrawal.", "", ""},
	{14, "Two tenants used the same key or id.", "They do not see each other, and no answer betrays the other.", "", ""},
	{15, "Mostro: a node that lagged said \"failed\", and the invoice was paid again.", "An error or a missing answer proves nothing; the money stays held.", "", ""},
	{16, "Mt. Gox: a changed transaction id was taken for a payment that never went out.", "Payments are found by their inputs and outputs; a payout that is made again conflicts with the first.", "", ""},
	{17, "The Mt. Gox trustee ran a batch of provider payments twice.", "Every item has a reference of its own, and a server that restarts compares with the bank before it hands anything over.", "", ""},
	{18, "An application retried a payout call, and it was paid three times.", "A retry hands over the stored bytes; what is in one file or slot gets no second.", "", ""},
	{19, "Santander UK: a fault of the scheduler ran a day's payments twice.", "A batch that is sent again creates nothing, and the signer's limit per day holds.", "there are no standing orders, so no occurrence can be run twice.", ""},
	{20, "A wallet turned three tries into three valid transactions.", "A retry replaces within the same slot.", "", ""},
	{21, "One nonce went to two payouts, and one of them vanished.", "A slot is bound to its payouts durably before anything is signed; only a used-up slot frees them.", "", ""},
	{22, "Ethereum Classic was reorganised deeply and often.", "A block that goes away takes the stage back and moves no money.", "", ""},
	{23, "A process died between sending and recording.", "The attempt is written first; the server is killed at every named point and recovers.", "", ""},
	{24, "A paused worker woke up after its lease had passed on.", "The fencing number is checked where attempts are recorded, and by the signer.", "", ""},
	{25, "A deploy killed requests half-way, and customers were charged twice.", "SIGTERM under load loses nothing and doubles nothing.", "", ""},
	{26, "A server restored from a backup did not know what it had paid since.", "The signer's own log and the chain know; nothing is paid a second time.", "", ""},
	{27, "A provider's events arrived twice and out of order.", "Any order of a bank's files ends in the same books; contradictions go to suspense.", "", ""},
	{28, "Revolut US: declined payments were refunded out of money that had never been taken.", "A release gives back what this withdrawal reserved, and once.", "", ""},
	{29, "Bithumb: a reward was credited in bitcoin instead of won.", "A withdrawal names its currency with the amount; what the wallets do not hold is refused, and large ones wait for a person.", "", ""},
	{30, "Crypto.com: an account number was typed as the amount and noticed months later.", "A return above what was paid is refused, each payout has a limit, and every day of a bank account is reconciled.", "", ""},
	{31, "Citi: prefilled zeros passed maker and checker.", "The signer's limits hold for approved payouts too; an approver sees the amount and recipient that are signed.", "", ""},
	{32, "Malformed numbers reached the arithmetic.", "Signs, exponents, spaces, other digits, overflow and too many decimals are refused at the edge.", "", ""},
	{33, "An amount passed through a float on its way.", "Amounts are strings; JSON numbers are refused.", "", ""},
	{34, "Balancer: rounding by one unit, repeated, drained a pool.", "Net and fee are the gross exactly; rounding never favours the caller, however an amount is split.", "", ""},
	{35, "Paxos paid a fee of many coins for a small transfer.", "The signer recomputes the fee from what it signs, and has its own ceiling.", "", ""},
	{36, "Cashu: the real fee exceeded the reserve, and a log line was all.", "A merchant is charged at most what was held; the rest is the operator's booked cost.", "", ""},
	{37, "XRP partial payments: the amount in the order is not what arrives.", "Only what arrived counts: a token that keeps a part back pays nobody and is refused at start.", "there is no rail for XRP.", ""},
	{38, "Tokens return false and do not revert, or return nothing.", "Only a transfer log of the right contract, recipient and amount pays.", "", ""},
	{39, "Coinbase: a trade was checked against an account of another asset.", "Balances are keyed by account and currency; money in another currency pays nothing.", "", ""},
	{40, "Optimism: tokens went to an address that existed on another chain only.", "A destination is checked by the rail of its network; a currency that is not paid out there is refused.", "", ""},
	{41, "Address poisoning: a look-alike address took a fortune.", "Checksums are required, addresses compare in full and are shown in full.", "there is no alert on similar addresses.", ""},
	{42, "Crypto.com: withdrawals passed without their second factor.", "The signer demands a valid approval of exactly this payout.", "", ""},
	{43, "BigONE: attackers replaced the rules on the servers and never needed the keys.", "The signer has limits and lists of its own; a stolen database pays nothing beyond them.", "", ""},
	{44, "Bybit: approvers signed something else than their screens showed.", "The approval names network, withdrawal, asset, amount and recipient; the signer compares it with what it decodes.", "", ""},
	{45, "SwissBorg: a partner's transaction hid a change of authority.", "The signer builds what it signs from a typed intent and refuses the rest.", "", ""},
	{46, "npm: packages swapped addresses in the browser.", "Pages load no script at all; the signer checks the record that was signed when the withdrawal was accepted.", noConsole, ""},
	{47, "A destination was edited after approval.", "An approval of anything else does not verify.", "", ""},
	{48, "Bangladesh Bank: malware removed the records of its payments.", "Heads of the books are anchored outside the database; a missing statement fails the reconciliation.", "", ""},
	{49, "3Commas: a hundred thousand API keys leaked.", "Only hashes are kept, a key has no scope unless it is given one, and a revoked one stops within a second.", "keys have no lists of addresses, and are revoked one by one.", ""},
	{50, "Ids of one tenant opened the data of another.", "Every route, those of the dialects included, answers a foreign id like an unknown one.", "", ""},
	{51, "Upbit: biased nonces of signatures gave the key away.", "Signatures are deterministic; many of them share no nonce.", "", ""},
	{52, "Providers' webhooks were accepted without a real check, or by a mock that was left on.", "What banks say comes over a pinned connection and is matched by reference, amount and account; the product links no simulator.", "", ""},
	{53, "Old webhooks were replayed.", "Id and time are signed; old and repeated messages are refused.", "", ""},
	{54, "Webhook URLs led into the own network.", "Inner addresses are refused when they are dialled, whatever the name resolved to before.", "", ""},
	{55, "A breaker reset itself for ever, or disabled an endpoint without a word.", "It cools down, and opening and disabling are events.", "", ""},
	{56, "A receiver answered without end, or a byte at a time.", "Reads are capped, the whole call has a deadline, other endpoints notice nothing.", "", ""},
	{57, "Mr. Cooper: a test on real data collected billions.", "Live or test is fixed when a merchant is made, is part of its keys, and a key of the other kind is not made; test money exists for test merchants only.", "a network does not say whether it carries real money, so one installation should not serve both kinds.", ""},
	{58, "SQLite could corrupt its file in rare races.", "Older engines are refused at start, and a damaged file is found.", "", ""},
	{59, "A sanctions list was empty, and everything passed.", "Nothing is screened, and nothing claims to be.", "", noScreening},
	{60, "A name was listed between screening and signing.", "Nothing is screened, and nothing claims to be.", "", noScreening},
	{61, "A cancel raced with the payment.", "One conditional change decides: cancelled or claimed, never both.", "", ""},
}
