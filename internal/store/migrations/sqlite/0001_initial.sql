-- +goose Up

-- Every table is STRICT, every key and unique index begins with the shard (there is one shard in
-- SQLite; the column keeps the two engines alike). Row numbers are the integer primary key. There
-- are no NULLs: 0, '' and x'' mean "none". Amounts are digits, because SQLite's NUMERIC turns big
-- values into floats. Times are microseconds since 1970 in UTC.
-- Every index beside the primary key has a condition, if need be one that is always true (seq > 0): a
-- statement takes it only by repeating the condition, never by mistake while the tables are empty.
-- Conditions of the tables that every withdrawal writes to cost a quarter of an insert if written carelessly: a list
-- of more than two values is a temporary table each time, GLOB a walk over the text, so what is common comes first.

CREATE TABLE shard (
    number     INTEGER PRIMARY KEY,
    last_seq   INTEGER NOT NULL CHECK (last_seq >= 0),
    last_event INTEGER NOT NULL CHECK (last_event >= 0),
    version    INTEGER NOT NULL
) STRICT;

CREATE TABLE idempotency (
    shard       INTEGER NOT NULL,
    merchant    INTEGER NOT NULL,
    ref         INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    refused     INTEGER NOT NULL CHECK (refused IN (0, 1)),
    route       TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint BLOB    NOT NULL,
    body        BLOB    NOT NULL,
    PRIMARY KEY (shard, merchant, route, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE merchant (
    shard            INTEGER NOT NULL,
    seq              INTEGER PRIMARY KEY,
    name             TEXT    NOT NULL,
    mode             TEXT    NOT NULL CHECK (mode IN ('live', 'test')),
    cancel_window_ns INTEGER NOT NULL CHECK (cancel_window_ns >= 0),
    created_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL
) STRICT;

CREATE TABLE api_key (
    shard       INTEGER NOT NULL,
    seq         INTEGER PRIMARY KEY,
    owner_shard INTEGER NOT NULL,
    owner       INTEGER NOT NULL,
    mode        TEXT    NOT NULL CHECK (mode IN ('live', 'test')),
    name        TEXT    NOT NULL,
    hash        BLOB    NOT NULL,
    prefix      TEXT    NOT NULL,
    last4       TEXT    NOT NULL,
    scopes      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    revoked_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX api_key_hash ON api_key (shard, hash) WHERE length(hash) > 0;

CREATE TABLE account (
    shard      INTEGER NOT NULL,
    seq        INTEGER PRIMARY KEY,
    merchant   INTEGER NOT NULL,
    kind       TEXT    NOT NULL CHECK (kind IN ('merchant', 'customer')),
    foreign_id TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL
) STRICT;
CREATE INDEX account_merchant ON account (shard, merchant, seq) WHERE seq > 0;
CREATE UNIQUE INDEX account_foreign_id ON account (shard, merchant, foreign_id) WHERE foreign_id <> '';

CREATE TABLE destination (
    shard      INTEGER NOT NULL,
    seq        INTEGER PRIMARY KEY,
    merchant   INTEGER NOT NULL,
    account    INTEGER NOT NULL,
    network    TEXT    NOT NULL,
    typed      TEXT    NOT NULL,
    canonical  TEXT    NOT NULL,
    decoded    BLOB    NOT NULL,
    tag        TEXT    NOT NULL,
    label      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    version    INTEGER NOT NULL
) STRICT;
CREATE INDEX destination_merchant ON destination (shard, merchant, seq) WHERE seq > 0;

CREATE TABLE balance (
    shard      INTEGER NOT NULL,
    account    INTEGER NOT NULL,
    merchant   INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    currency   TEXT    NOT NULL,
    available  TEXT    NOT NULL CHECK (available = '0' OR available >= '1' AND available < ':' AND length(available) <= 39 AND available NOT GLOB '*[^0-9]*'),
    pending    TEXT    NOT NULL CHECK (pending = '0' OR pending >= '1' AND pending < ':' AND length(pending) <= 39 AND pending NOT GLOB '*[^0-9]*'),
    locked     TEXT    NOT NULL CHECK (locked = '0' OR locked >= '1' AND locked < ':' AND length(locked) <= 39 AND locked NOT GLOB '*[^0-9]*'),
    reserved   TEXT    NOT NULL CHECK (reserved = '0' OR reserved >= '1' AND reserved < ':' AND length(reserved) <= 39 AND reserved NOT GLOB '*[^0-9]*'),
    PRIMARY KEY (shard, account, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE house (
    shard      INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    currency   TEXT    NOT NULL,
    total_in   TEXT    NOT NULL CHECK (total_in = '0' OR total_in >= '1' AND total_in < ':' AND length(total_in) <= 39 AND total_in NOT GLOB '*[^0-9]*'),
    total_out  TEXT    NOT NULL CHECK (total_out = '0' OR total_out >= '1' AND total_out < ':' AND length(total_out) <= 39 AND total_out NOT GLOB '*[^0-9]*'),
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    PRIMARY KEY (shard, name, currency)
) STRICT, WITHOUT ROWID;

CREATE TABLE credit (
    shard        INTEGER NOT NULL,
    seq          INTEGER PRIMARY KEY,
    merchant     INTEGER NOT NULL,
    account      INTEGER NOT NULL,
    currency     TEXT    NOT NULL,
    amount       TEXT    NOT NULL CHECK (amount >= '1' AND amount < ':' AND length(amount) <= 39 AND amount NOT GLOB '*[^0-9]*'),
    state        TEXT    NOT NULL CHECK (state IN ('pending', 'settled')),
    available_at INTEGER NOT NULL,
    reference    TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    settled_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL,
    CHECK ((state = 'settled') = (settled_at <> 0))
) STRICT;
CREATE INDEX credit_account ON credit (shard, account, seq) WHERE seq > 0;
CREATE INDEX credit_due ON credit (shard, available_at, seq) WHERE state = 'pending' AND available_at > 0;

CREATE TABLE withdrawal (
    shard          INTEGER NOT NULL,
    seq            INTEGER PRIMARY KEY,
    merchant       INTEGER NOT NULL,
    account        INTEGER NOT NULL,
    destination    INTEGER NOT NULL,
    release_at     INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    dispatch       INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    ended_at       INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    foreign_id     TEXT    NOT NULL CHECK (foreign_id <> ''),
    currency       TEXT    NOT NULL,
    amount         TEXT    NOT NULL CHECK (amount >= '1' AND amount < ':' AND length(amount) <= 39 AND amount NOT GLOB '*[^0-9]*'),
    fee            TEXT    NOT NULL CHECK (fee = '0' OR fee >= '1' AND fee < ':' AND length(fee) <= 39 AND fee NOT GLOB '*[^0-9]*'),
    network        TEXT    NOT NULL,
    typed          TEXT    NOT NULL,
    canonical      TEXT    NOT NULL,
    decoded        BLOB    NOT NULL CHECK (length(decoded) > 0),
    tag            TEXT    NOT NULL,
    metadata       TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state = 'new' OR state = 'review' OR state = 'queued' OR state = 'processing' OR state = 'confirmed' OR state = 'failed' OR state = 'cancelled' OR state = 'rejected' OR state = 'returned'),
    stage          TEXT    NOT NULL,
    attention      TEXT    NOT NULL,
    attention_text TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    wallet         TEXT    NOT NULL,
    txid           TEXT    NOT NULL,
    network_fee    TEXT    NOT NULL CHECK (network_fee = '0' OR network_fee >= '1' AND network_fee < ':' AND length(network_fee) <= 39 AND network_fee NOT GLOB '*[^0-9]*'),
    fee_asset      TEXT    NOT NULL,
    -- The rules of the state machine that one row can show: an end has its time, an instruction has
    -- its dispatch, and what was never claimed by one can be neither paid nor fail.
    CHECK ((ended_at <> 0) = (state = 'confirmed' OR state = 'failed' OR state = 'cancelled' OR state = 'rejected' OR state = 'returned')),
    CHECK (dispatch <> 0 OR state <> 'processing' AND state <> 'confirmed' AND state <> 'failed' AND state <> 'returned'),
    CHECK (dispatch = 0 OR state = 'processing' OR state = 'confirmed' OR state = 'failed' OR state = 'returned')
) STRICT;
CREATE UNIQUE INDEX withdrawal_foreign_id ON withdrawal (shard, merchant, foreign_id) WHERE foreign_id <> '';
CREATE INDEX withdrawal_account ON withdrawal (shard, account, seq) WHERE seq > 0;
CREATE INDEX withdrawal_merchant ON withdrawal (shard, merchant, seq) WHERE seq > 0;
CREATE INDEX withdrawal_open ON withdrawal (shard, state, release_at, seq) WHERE ended_at = 0;
-- One currency that waits for money must not stand in the way of the others.
CREATE INDEX withdrawal_queued ON withdrawal (shard, network, currency, release_at, seq) WHERE state = 'queued';

CREATE TABLE transfer (
    shard          INTEGER NOT NULL,
    seq            INTEGER PRIMARY KEY,
    at             INTEGER NOT NULL,
    debit_account  INTEGER NOT NULL,
    credit_account INTEGER NOT NULL,
    withdrawal     INTEGER NOT NULL,
    cause          INTEGER NOT NULL,
    kind           TEXT    NOT NULL,
    currency       TEXT    NOT NULL,
    amount         TEXT    NOT NULL CHECK (amount >= '1' AND amount < ':' AND length(amount) <= 39 AND amount NOT GLOB '*[^0-9]*'),
    debit_name     TEXT    NOT NULL,
    credit_name    TEXT    NOT NULL,
    CHECK (debit_account <> credit_account OR debit_name <> credit_name)
) STRICT;
CREATE INDEX transfer_withdrawal ON transfer (shard, withdrawal, seq) WHERE withdrawal <> 0;

CREATE TABLE event (
    shard           INTEGER NOT NULL,
    seq             INTEGER PRIMARY KEY,
    at              INTEGER NOT NULL,
    merchant        INTEGER NOT NULL,
    account         INTEGER NOT NULL,
    subject         INTEGER NOT NULL,
    subject_version INTEGER NOT NULL,
    balance_version INTEGER NOT NULL,
    type            TEXT    NOT NULL,
    state           TEXT    NOT NULL,
    actor           TEXT    NOT NULL,
    reason          TEXT    NOT NULL,
    data            BLOB    NOT NULL,
    currency        TEXT    NOT NULL,
    available       TEXT    NOT NULL,
    pending         TEXT    NOT NULL,
    locked          TEXT    NOT NULL,
    reserved        TEXT    NOT NULL
) STRICT;
CREATE INDEX event_merchant ON event (shard, merchant, seq) WHERE seq > 0;
CREATE INDEX event_subject ON event (shard, subject, seq) WHERE subject <> 0;

CREATE TABLE webhook_endpoint (
    shard                INTEGER NOT NULL,
    seq                  INTEGER PRIMARY KEY,
    merchant             INTEGER NOT NULL,
    url                  TEXT    NOT NULL,
    types                TEXT    NOT NULL,
    format               TEXT    NOT NULL,
    description          TEXT    NOT NULL,
    state                TEXT    NOT NULL CHECK (state IN ('enabled', 'disabled', 'deleted')),
    disabled_reason      TEXT    NOT NULL,
    secret               TEXT    NOT NULL,
    signing_key          TEXT    NOT NULL,
    previous_secret      TEXT    NOT NULL,
    previous_signing_key TEXT    NOT NULL,
    previous_until       INTEGER NOT NULL,
    rate_per_second      INTEGER NOT NULL,
    first_event          INTEGER NOT NULL,
    failing_since        INTEGER NOT NULL,
    failures             INTEGER NOT NULL,
    notices_sent         INTEGER NOT NULL,
    trips                INTEGER NOT NULL,
    successes            INTEGER NOT NULL,
    paused_until         INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    version              INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_endpoint_merchant ON webhook_endpoint (shard, merchant, seq) WHERE state <> 'deleted';

CREATE TABLE webhook_delivery (
    shard       INTEGER NOT NULL,
    seq         INTEGER PRIMARY KEY,
    merchant    INTEGER NOT NULL,
    endpoint    INTEGER NOT NULL,
    event_seq   INTEGER NOT NULL,
    sub         INTEGER NOT NULL CHECK (sub IN (0, 1)),
    type        TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'skipped')),
    lane        INTEGER NOT NULL,
    attempts    INTEGER NOT NULL,
    round       INTEGER NOT NULL,
    next_at     INTEGER NOT NULL,
    last_status INTEGER NOT NULL,
    last_error  TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    done_at     INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    CHECK ((state = 'pending') = (done_at = 0))
) STRICT;
CREATE INDEX webhook_delivery_due ON webhook_delivery (shard, endpoint, lane, next_at, seq) WHERE state = 'pending';
CREATE INDEX webhook_delivery_endpoint ON webhook_delivery (shard, endpoint, seq) WHERE seq > 0;

CREATE TABLE webhook_attempt (
    shard       INTEGER NOT NULL,
    seq         INTEGER PRIMARY KEY,
    delivery    INTEGER NOT NULL,
    endpoint    INTEGER NOT NULL,
    merchant    INTEGER NOT NULL,
    number      INTEGER NOT NULL,
    at          INTEGER NOT NULL,
    address     TEXT    NOT NULL,
    status      INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    error_class TEXT    NOT NULL,
    error_text  TEXT    NOT NULL,
    body        BLOB    NOT NULL,
    signed_at   INTEGER NOT NULL,
    sent_hash   BLOB    NOT NULL,
    sent_bytes  INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_attempt_delivery ON webhook_attempt (shard, delivery, seq) WHERE seq > 0;

CREATE TABLE event_cursor (
    shard   INTEGER NOT NULL,
    name    TEXT    NOT NULL,
    event   INTEGER NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (shard, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE webhook_replay (
    shard      INTEGER NOT NULL,
    seq        INTEGER PRIMARY KEY,
    merchant   INTEGER NOT NULL,
    endpoint   INTEGER NOT NULL,
    want       TEXT    NOT NULL,
    type       TEXT    NOT NULL,
    since      INTEGER NOT NULL,
    until      INTEGER NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('running', 'done')),
    after      INTEGER NOT NULL,
    deliveries INTEGER NOT NULL,
    actor      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    done_at    INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    CHECK ((state = 'done') = (done_at <> 0))
) STRICT;
CREATE INDEX webhook_replay_running ON webhook_replay (shard, seq) WHERE state = 'running';

CREATE TABLE wallet (
    shard       INTEGER NOT NULL,
    seq         INTEGER PRIMARY KEY,
    network     TEXT    NOT NULL,
    address     TEXT    NOT NULL,
    label       TEXT    NOT NULL,
    next_nonce  INTEGER NOT NULL CHECK (next_nonce >= 0),
    lease_owner TEXT    NOT NULL,
    lease_until INTEGER NOT NULL,
    fence       INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX wallet_address ON wallet (shard, network, address) WHERE address <> '';

CREATE TABLE dispatch (
    shard      INTEGER NOT NULL,
    seq        INTEGER PRIMARY KEY,
    wallet     INTEGER NOT NULL,
    network    TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('planned', 'sealed', 'final', 'done', 'void', 'refused')),
    nonce      INTEGER NOT NULL,
    slot       BLOB    NOT NULL,
    items      INTEGER NOT NULL,
    settled    INTEGER NOT NULL,
    attempts   INTEGER NOT NULL,
    stage      TEXT    NOT NULL,
    txid       TEXT    NOT NULL,
    block      TEXT    NOT NULL,
    fee        TEXT    NOT NULL CHECK (fee = '0' OR fee >= '1' AND fee < ':' AND length(fee) <= 39 AND fee NOT GLOB '*[^0-9]*'),
    fee_asset  TEXT    NOT NULL,
    note       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    CHECK (settled BETWEEN 0 AND items),
    CHECK ((ended_at <> 0) = (state IN ('done', 'void')))
) STRICT;
-- One nonce of a wallet belongs to one dispatch for ever.
CREATE UNIQUE INDEX dispatch_nonce ON dispatch (shard, wallet, nonce) WHERE nonce >= 0;
CREATE INDEX dispatch_open ON dispatch (shard, wallet, seq) WHERE state IN ('planned', 'sealed', 'final', 'refused');

CREATE TABLE dispatch_item (
    shard            INTEGER NOT NULL,
    dispatch         INTEGER NOT NULL,
    place            INTEGER NOT NULL,
    withdrawal_shard INTEGER NOT NULL,
    withdrawal       INTEGER NOT NULL,
    asset            TEXT    NOT NULL,
    recipient        BLOB    NOT NULL,
    amount           TEXT    NOT NULL CHECK (amount >= '1' AND amount < ':' AND length(amount) <= 39 AND amount NOT GLOB '*[^0-9]*'),
    outcome          TEXT    NOT NULL CHECK (outcome IN ('', 'paid', 'unpaid', 'dropped')),
    reason           TEXT    NOT NULL,
    settled          INTEGER NOT NULL CHECK (settled IN (0, 1)),
    version          INTEGER NOT NULL,
    PRIMARY KEY (shard, dispatch, place)
) STRICT, WITHOUT ROWID;
-- A withdrawal is proved paid by one dispatch at the most.
CREATE UNIQUE INDEX dispatch_item_paid ON dispatch_item (shard, withdrawal_shard, withdrawal) WHERE outcome = 'paid';

CREATE TABLE attempt (
    shard      INTEGER NOT NULL,
    seq        INTEGER PRIMARY KEY,
    dispatch   INTEGER NOT NULL,
    number     INTEGER NOT NULL CHECK (number > 0),
    txid       TEXT    NOT NULL,
    raw        BLOB    NOT NULL,
    max_fee    TEXT    NOT NULL CHECK (max_fee = '0' OR max_fee >= '1' AND max_fee < ':' AND length(max_fee) <= 39 AND max_fee NOT GLOB '*[^0-9]*'),
    fence      INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX attempt_number ON attempt (shard, dispatch, number) WHERE number > 0;

CREATE TABLE slot_hold (
    shard    INTEGER NOT NULL,
    wallet   INTEGER NOT NULL,
    key      TEXT    NOT NULL,
    dispatch INTEGER NOT NULL,
    live     INTEGER NOT NULL CHECK (live IN (0, 1)),
    version  INTEGER NOT NULL,
    PRIMARY KEY (shard, wallet, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX slot_hold_live ON slot_hold (shard, wallet) WHERE live = TRUE;

INSERT INTO shard (number, last_seq, last_event, version) VALUES (0, 0, 0, 0);
