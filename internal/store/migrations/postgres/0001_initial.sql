-- +goose Up

-- Every key and unique index begins with the shard, so that the tables can be spread by it. There are
-- no NULLs: 0, '' and an empty byte string mean "none". Times are microseconds since 1970 in UTC.
-- Text in keys compares by its bytes, as in SQLite, whatever the collation of the database.
-- Every index beside the primary key has a condition, if need be one that is always true (seq > 0): a
-- statement takes it only by repeating the condition, never by mistake while the tables are empty.
-- In the tables that every withdrawal writes to, the columns of fixed width come first: between texts each of
-- them would cost up to seven bytes of padding.
-- A fill factor below 100 leaves room on the page for the next version of a row that changes often.

CREATE TABLE shard (
    number     SMALLINT      PRIMARY KEY,
    last_seq   BIGINT        NOT NULL CHECK (last_seq >= 0),
    last_event BIGINT        NOT NULL CHECK (last_event >= 0),
    version    BIGINT        NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE idempotency (
    shard       SMALLINT      NOT NULL,
    merchant    BIGINT        NOT NULL,
    ref         BIGINT        NOT NULL,
    at          BIGINT        NOT NULL,
    refused     BOOLEAN       NOT NULL,
    route       TEXT COLLATE "C" NOT NULL,
    key         TEXT COLLATE "C" NOT NULL,
    fingerprint BYTEA         NOT NULL,
    body        BYTEA         NOT NULL,
    PRIMARY KEY (shard, merchant, route, key)
);

CREATE TABLE merchant (
    shard            SMALLINT      NOT NULL,
    seq              BIGINT        NOT NULL,
    name             TEXT          NOT NULL,
    mode             TEXT          NOT NULL CHECK (mode IN ('live', 'test')),
    cancel_window_ns BIGINT        NOT NULL CHECK (cancel_window_ns >= 0),
    created_at       BIGINT        NOT NULL,
    version          BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
);

CREATE TABLE api_key (
    shard       SMALLINT      NOT NULL,
    seq         BIGINT        NOT NULL,
    owner_shard SMALLINT      NOT NULL,
    owner       BIGINT        NOT NULL,
    mode        TEXT          NOT NULL CHECK (mode IN ('live', 'test')),
    name        TEXT          NOT NULL,
    hash        BYTEA         NOT NULL,
    prefix      TEXT          NOT NULL,
    last4       TEXT          NOT NULL,
    scopes      TEXT          NOT NULL,
    created_at  BIGINT        NOT NULL,
    expires_at  BIGINT        NOT NULL,
    revoked_at  BIGINT        NOT NULL,
    version     BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE UNIQUE INDEX api_key_hash ON api_key (shard, hash) WHERE length(hash) > 0;

CREATE TABLE account (
    shard      SMALLINT      NOT NULL,
    seq        BIGINT        NOT NULL,
    merchant   BIGINT        NOT NULL,
    kind       TEXT          NOT NULL CHECK (kind IN ('merchant', 'customer')),
    foreign_id TEXT COLLATE "C" NOT NULL,
    name       TEXT          NOT NULL,
    created_at BIGINT        NOT NULL,
    version    BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX account_merchant ON account (shard, merchant, seq) WHERE seq > 0;
CREATE UNIQUE INDEX account_foreign_id ON account (shard, merchant, foreign_id) WHERE foreign_id <> '';

CREATE TABLE destination (
    shard      SMALLINT      NOT NULL,
    seq        BIGINT        NOT NULL,
    merchant   BIGINT        NOT NULL,
    account    BIGINT        NOT NULL,
    network    TEXT          NOT NULL,
    typed      TEXT          NOT NULL,
    canonical  TEXT          NOT NULL,
    decoded    BYTEA         NOT NULL,
    tag        TEXT          NOT NULL,
    label      TEXT          NOT NULL,
    created_at BIGINT        NOT NULL,
    version    BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX destination_merchant ON destination (shard, merchant, seq) WHERE seq > 0;

CREATE TABLE balance (
    shard      SMALLINT      NOT NULL,
    account    BIGINT        NOT NULL,
    merchant   BIGINT        NOT NULL,
    updated_at BIGINT        NOT NULL,
    version    BIGINT        NOT NULL,
    currency   TEXT COLLATE "C" NOT NULL,
    available  NUMERIC(39,0) NOT NULL CHECK (available >= 0),
    pending    NUMERIC(39,0) NOT NULL CHECK (pending >= 0),
    locked     NUMERIC(39,0) NOT NULL CHECK (locked >= 0),
    reserved   NUMERIC(39,0) NOT NULL CHECK (reserved >= 0),
    PRIMARY KEY (shard, account, currency)
) WITH (fillfactor = 70);

CREATE TABLE house (
    shard      SMALLINT      NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    currency   TEXT COLLATE "C" NOT NULL,
    total_in   NUMERIC(39,0) NOT NULL CHECK (total_in >= 0),
    total_out  NUMERIC(39,0) NOT NULL CHECK (total_out >= 0),
    updated_at BIGINT        NOT NULL,
    version    BIGINT        NOT NULL,
    PRIMARY KEY (shard, name, currency)
) WITH (fillfactor = 50);

CREATE TABLE credit (
    shard        SMALLINT      NOT NULL,
    seq          BIGINT        NOT NULL,
    merchant     BIGINT        NOT NULL,
    account      BIGINT        NOT NULL,
    currency     TEXT          NOT NULL,
    amount       NUMERIC(39,0) NOT NULL CHECK (amount > 0),
    state        TEXT COLLATE "C" NOT NULL CHECK (state IN ('pending', 'settled')),
    available_at BIGINT        NOT NULL,
    reference    TEXT          NOT NULL,
    created_at   BIGINT        NOT NULL,
    settled_at   BIGINT        NOT NULL,
    version      BIGINT        NOT NULL,
    CHECK ((state = 'settled') = (settled_at <> 0)),
    PRIMARY KEY (shard, seq)
);
CREATE INDEX credit_account ON credit (shard, account, seq) WHERE seq > 0;
CREATE INDEX credit_due ON credit (shard, available_at, seq) WHERE state = 'pending' AND available_at > 0;

CREATE TABLE withdrawal (
    shard          SMALLINT      NOT NULL,
    seq            BIGINT        NOT NULL,
    merchant       BIGINT        NOT NULL,
    account        BIGINT        NOT NULL,
    destination    BIGINT        NOT NULL,
    release_at     BIGINT        NOT NULL,
    created_at     BIGINT        NOT NULL,
    dispatch       BIGINT        NOT NULL,
    updated_at     BIGINT        NOT NULL,
    ended_at       BIGINT        NOT NULL,
    version        BIGINT        NOT NULL,
    foreign_id     TEXT COLLATE "C" NOT NULL CHECK (foreign_id <> ''),
    currency       TEXT COLLATE "C" NOT NULL,
    amount         NUMERIC(39,0) NOT NULL CHECK (amount > 0),
    fee            NUMERIC(39,0) NOT NULL CHECK (fee >= 0),
    network        TEXT          NOT NULL,
    typed          TEXT          NOT NULL,
    canonical      TEXT          NOT NULL,
    decoded        BYTEA         NOT NULL CHECK (decoded <> ''),
    tag            TEXT          NOT NULL,
    metadata       TEXT          NOT NULL,
    state          TEXT COLLATE "C" NOT NULL CHECK (state IN ('new', 'review', 'queued', 'processing', 'confirmed', 'failed', 'cancelled', 'rejected', 'returned')),
    stage          TEXT          NOT NULL,
    attention      TEXT          NOT NULL,
    attention_text TEXT          NOT NULL,
    reason         TEXT          NOT NULL,
    wallet         TEXT          NOT NULL,
    txid           TEXT          NOT NULL,
    network_fee    NUMERIC(39,0) NOT NULL CHECK (network_fee >= 0),
    fee_asset      TEXT          NOT NULL,
    -- The rules of the state machine that one row can show: an end has its time, an instruction has
    -- its dispatch, and what was never claimed by one can be neither paid nor fail.
    CHECK ((ended_at <> 0) = (state IN ('confirmed', 'failed', 'cancelled', 'rejected', 'returned'))),
    CHECK (dispatch <> 0 OR state NOT IN ('processing', 'confirmed', 'failed', 'returned')),
    CHECK (dispatch = 0 OR state IN ('processing', 'confirmed', 'failed', 'returned')),
    PRIMARY KEY (shard, seq)
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX withdrawal_foreign_id ON withdrawal (shard, merchant, foreign_id) WHERE foreign_id <> '';
CREATE INDEX withdrawal_account ON withdrawal (shard, account, seq) WHERE seq > 0;
CREATE INDEX withdrawal_merchant ON withdrawal (shard, merchant, seq) WHERE seq > 0;
CREATE INDEX withdrawal_open ON withdrawal (shard, state, release_at, seq) WHERE ended_at = 0;
-- One currency that waits for money must not stand in the way of the others.
CREATE INDEX withdrawal_queued ON withdrawal (shard, network, currency, release_at, seq) WHERE state = 'queued';

CREATE TABLE transfer (
    shard          SMALLINT      NOT NULL,
    seq            BIGINT        NOT NULL,
    at             BIGINT        NOT NULL,
    debit_account  BIGINT        NOT NULL,
    credit_account BIGINT        NOT NULL,
    withdrawal     BIGINT        NOT NULL,
    cause          BIGINT        NOT NULL,
    kind           TEXT          NOT NULL,
    currency       TEXT COLLATE "C" NOT NULL,
    amount         NUMERIC(39,0) NOT NULL CHECK (amount > 0),
    debit_name     TEXT COLLATE "C" NOT NULL,
    credit_name    TEXT COLLATE "C" NOT NULL,
    CHECK (debit_account <> credit_account OR debit_name <> credit_name),
    PRIMARY KEY (shard, seq)
);
CREATE INDEX transfer_withdrawal ON transfer (shard, withdrawal, seq) WHERE withdrawal <> 0;

CREATE TABLE event (
    shard           SMALLINT      NOT NULL,
    seq             BIGINT        NOT NULL,
    at              BIGINT        NOT NULL,
    merchant        BIGINT        NOT NULL,
    account         BIGINT        NOT NULL,
    subject         BIGINT        NOT NULL,
    subject_version BIGINT        NOT NULL,
    balance_version BIGINT        NOT NULL,
    type            TEXT          NOT NULL,
    state           TEXT          NOT NULL,
    actor           TEXT          NOT NULL,
    reason          TEXT          NOT NULL,
    data            BYTEA         NOT NULL,
    currency        TEXT          NOT NULL,
    available       NUMERIC(39,0) NOT NULL,
    pending         NUMERIC(39,0) NOT NULL,
    locked          NUMERIC(39,0) NOT NULL,
    reserved        NUMERIC(39,0) NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX event_merchant ON event (shard, merchant, seq) WHERE seq > 0;
CREATE INDEX event_subject ON event (shard, subject, seq) WHERE subject <> 0;

CREATE TABLE webhook_endpoint (
    shard                SMALLINT      NOT NULL,
    seq                  BIGINT        NOT NULL,
    merchant             BIGINT        NOT NULL,
    url                  TEXT          NOT NULL,
    types                TEXT          NOT NULL,
    format               TEXT          NOT NULL,
    description          TEXT          NOT NULL,
    state                TEXT          NOT NULL CHECK (state IN ('enabled', 'disabled', 'deleted')),
    disabled_reason      TEXT          NOT NULL,
    secret               TEXT          NOT NULL,
    signing_key          TEXT          NOT NULL,
    previous_secret      TEXT          NOT NULL,
    previous_signing_key TEXT          NOT NULL,
    previous_until       BIGINT        NOT NULL,
    rate_per_second      BIGINT        NOT NULL,
    first_event          BIGINT        NOT NULL,
    failing_since        BIGINT        NOT NULL,
    failures             BIGINT        NOT NULL,
    notices_sent         BIGINT        NOT NULL,
    trips                BIGINT        NOT NULL,
    successes            BIGINT        NOT NULL,
    paused_until         BIGINT        NOT NULL,
    created_at           BIGINT        NOT NULL,
    updated_at           BIGINT        NOT NULL,
    version              BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
) WITH (fillfactor = 70);
CREATE INDEX webhook_endpoint_merchant ON webhook_endpoint (shard, merchant, seq) WHERE state <> 'deleted';

CREATE TABLE webhook_delivery (
    shard       SMALLINT      NOT NULL,
    seq         BIGINT        NOT NULL,
    merchant    BIGINT        NOT NULL,
    endpoint    BIGINT        NOT NULL,
    event_seq   BIGINT        NOT NULL,
    sub         BIGINT        NOT NULL CHECK (sub IN (0, 1)),
    type        TEXT          NOT NULL,
    state       TEXT COLLATE "C"NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'skipped')),
    lane        BIGINT        NOT NULL,
    attempts    BIGINT        NOT NULL,
    round       BIGINT        NOT NULL,
    next_at     BIGINT        NOT NULL,
    last_status BIGINT        NOT NULL,
    last_error  TEXT          NOT NULL,
    created_at  BIGINT        NOT NULL,
    done_at     BIGINT        NOT NULL,
    version     BIGINT        NOT NULL,
    CHECK ((state = 'pending') = (done_at = 0)),
    PRIMARY KEY (shard, seq)
) WITH (fillfactor = 80);
CREATE INDEX webhook_delivery_due ON webhook_delivery (shard, endpoint, lane, next_at, seq) WHERE state = 'pending';
CREATE INDEX webhook_delivery_endpoint ON webhook_delivery (shard, endpoint, seq) WHERE seq > 0;

CREATE TABLE webhook_attempt (
    shard       SMALLINT      NOT NULL,
    seq         BIGINT        NOT NULL,
    delivery    BIGINT        NOT NULL,
    endpoint    BIGINT        NOT NULL,
    merchant    BIGINT        NOT NULL,
    number      BIGINT        NOT NULL,
    at          BIGINT        NOT NULL,
    address     TEXT          NOT NULL,
    status      BIGINT        NOT NULL,
    duration_us BIGINT        NOT NULL,
    error_class TEXT          NOT NULL,
    error_text  TEXT          NOT NULL,
    body        BYTEA         NOT NULL,
    signed_at   BIGINT        NOT NULL,
    sent_hash   BYTEA         NOT NULL,
    sent_bytes  BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE INDEX webhook_attempt_delivery ON webhook_attempt (shard, delivery, seq) WHERE seq > 0;

CREATE TABLE event_cursor (
    shard   SMALLINT      NOT NULL,
    name    TEXT COLLATE "C"NOT NULL,
    event   BIGINT        NOT NULL,
    version BIGINT        NOT NULL,
    PRIMARY KEY (shard, name)
) WITH (fillfactor = 50);

CREATE TABLE webhook_replay (
    shard      SMALLINT      NOT NULL,
    seq        BIGINT        NOT NULL,
    merchant   BIGINT        NOT NULL,
    endpoint   BIGINT        NOT NULL,
    want       TEXT          NOT NULL,
    type       TEXT          NOT NULL,
    since      BIGINT        NOT NULL,
    until      BIGINT        NOT NULL,
    state      TEXT COLLATE "C"NOT NULL CHECK (state IN ('running', 'done')),
    after      BIGINT        NOT NULL,
    deliveries BIGINT        NOT NULL,
    actor      TEXT          NOT NULL,
    created_at BIGINT        NOT NULL,
    done_at    BIGINT        NOT NULL,
    version    BIGINT        NOT NULL,
    CHECK ((state = 'done') = (done_at <> 0)),
    PRIMARY KEY (shard, seq)
);
CREATE INDEX webhook_replay_running ON webhook_replay (shard, seq) WHERE state = 'running';

CREATE TABLE wallet (
    shard       SMALLINT      NOT NULL,
    seq         BIGINT        NOT NULL,
    network     TEXT COLLATE "C"NOT NULL,
    address     TEXT COLLATE "C"NOT NULL,
    label       TEXT          NOT NULL,
    next_nonce  BIGINT        NOT NULL CHECK (next_nonce >= 0),
    lease_owner TEXT          NOT NULL,
    lease_until BIGINT        NOT NULL,
    fence       BIGINT        NOT NULL,
    created_at  BIGINT        NOT NULL,
    version     BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX wallet_address ON wallet (shard, network, address) WHERE address <> '';

CREATE TABLE dispatch (
    shard      SMALLINT      NOT NULL,
    seq        BIGINT        NOT NULL,
    wallet     BIGINT        NOT NULL,
    network    TEXT          NOT NULL,
    state      TEXT COLLATE "C"NOT NULL CHECK (state IN ('planned', 'sealed', 'final', 'done', 'void', 'refused')),
    nonce      BIGINT        NOT NULL,
    slot       BYTEA         NOT NULL,
    items      BIGINT        NOT NULL,
    settled    BIGINT        NOT NULL,
    attempts   BIGINT        NOT NULL,
    stage      TEXT          NOT NULL,
    txid       TEXT          NOT NULL,
    block      TEXT          NOT NULL,
    fee        NUMERIC(39,0) NOT NULL CHECK (fee >= 0),
    fee_asset  TEXT          NOT NULL,
    note       TEXT          NOT NULL,
    created_at BIGINT        NOT NULL,
    ended_at   BIGINT        NOT NULL,
    version    BIGINT        NOT NULL,
    CHECK (settled BETWEEN 0 AND items),
    CHECK ((ended_at <> 0) = (state IN ('done', 'void'))),
    PRIMARY KEY (shard, seq)
) WITH (fillfactor = 70);
-- One nonce of a wallet belongs to one dispatch for ever.
CREATE UNIQUE INDEX dispatch_nonce ON dispatch (shard, wallet, nonce) WHERE nonce >= 0;
CREATE INDEX dispatch_open ON dispatch (shard, wallet, seq) WHERE state IN ('planned', 'sealed', 'final', 'refused');

CREATE TABLE dispatch_item (
    shard            SMALLINT      NOT NULL,
    dispatch         BIGINT        NOT NULL,
    place            BIGINT        NOT NULL,
    withdrawal_shard SMALLINT      NOT NULL,
    withdrawal       BIGINT        NOT NULL,
    asset            TEXT          NOT NULL,
    recipient        BYTEA         NOT NULL,
    amount           NUMERIC(39,0) NOT NULL CHECK (amount > 0),
    outcome          TEXT COLLATE "C"NOT NULL CHECK (outcome IN ('', 'paid', 'unpaid', 'dropped')),
    reason           TEXT          NOT NULL,
    settled          BOOLEAN       NOT NULL,
    version          BIGINT        NOT NULL,
    PRIMARY KEY (shard, dispatch, place)
) WITH (fillfactor = 70);
-- A withdrawal is proved paid by one dispatch at the most.
CREATE UNIQUE INDEX dispatch_item_paid ON dispatch_item (shard, withdrawal_shard, withdrawal) WHERE outcome = 'paid';

CREATE TABLE attempt (
    shard      SMALLINT      NOT NULL,
    seq        BIGINT        NOT NULL,
    dispatch   BIGINT        NOT NULL,
    number     BIGINT        NOT NULL CHECK (number > 0),
    txid       TEXT          NOT NULL,
    raw        BYTEA         NOT NULL,
    max_fee    NUMERIC(39,0) NOT NULL CHECK (max_fee >= 0),
    fence      BIGINT        NOT NULL,
    created_at BIGINT        NOT NULL,
    PRIMARY KEY (shard, seq)
);
CREATE UNIQUE INDEX attempt_number ON attempt (shard, dispatch, number) WHERE number > 0;

CREATE TABLE slot_hold (
    shard    SMALLINT      NOT NULL,
    wallet   BIGINT        NOT NULL,
    key      TEXT COLLATE "C"NOT NULL,
    dispatch BIGINT        NOT NULL,
    live     BOOLEAN       NOT NULL,
    version  BIGINT        NOT NULL,
    PRIMARY KEY (shard, wallet, key)
) WITH (fillfactor = 80);
CREATE INDEX slot_hold_live ON slot_hold (shard, wallet) WHERE live = TRUE;
