//! Shapes that have a name of their own, with what is said of them.

use serde_json::{Map, Value, json};

use super::shape;

/// Name, shape, and what is said of it.
const NAMES: &[(&str, &str, &str)] = &[
    (
        "Amount",
        "text",
        "Decimal, two decimals: `1000.00`; signed where it may be, `-5.00`.",
    ),
    (
        "Time",
        "text",
        "RFC 3339, UTC, microseconds: `2026-11-21T03:23:23.000000Z`.",
    ),
    ("Partner", "text", "A partner: `p1`."),
    (
        "PlayerId",
        "text",
        "1 to 40 printable ASCII characters without spaces.",
    ),
    ("Currency", "text", "Three capital letters."),
    (
        "Cursor",
        "text|null",
        "The next page's `cursor`; null on the last page.",
    ),
    (
        "Duration",
        "text",
        "A whole number and a unit: `30s`, `5m`, `24h`, `3d`.",
    ),
    ("WalletCents", "whole", "Whole cents, 0 to 10^15."),
    (
        "WalletId",
        "whole",
        "The game server's number for a bet or win: 0 to 2^64-1, unique in its id space and currency.",
    ),
    (
        "WalletRequest",
        r#"{type: "credit", code: text, time?: text}
            | {type: "bet", code: text, game: whole, id: WalletId, bet: WalletCents,
               round_id?: WalletId|null, time?: text}
            | {type: "win", code: text, game: whole, id: WalletId, win: WalletCents,
               round_id?: WalletId|null, time?: text}
            | {type: "cancel", code: text, id: WalletId, round_id?: WalletId|null, time?: text}"#,
        "Reads the balance, takes a stake, gives winnings, undoes a bet. Repeated, it is answered again and moves nothing.",
    ),
    (
        "WalletDone",
        "{credit: WalletCents, result: whole, time: text, player_id?: PlayerId, currency?: Currency}",
        "`result` is 1. `player_id` and `currency` are told to `credit`.",
    ),
    (
        "WalletRefused",
        "{result: whole, err_code: whole, err_desc: text, credit?: WalletCents, time?: text}",
        "`result` and `err_code` are the reason: 2 to 16, or 50 (with 503: nothing was touched).",
    ),
    (
        "Refused",
        "{success: false, message: text}",
        "Why it was not done.",
    ),
    (
        "Invalid",
        "{..Refused, errors: any}",
        "All fields that fail, each with its texts: `{\"amount\":[\"Amount is required\"]}`.",
    ),
    (
        "MoneyIn",
        "number|text",
        "More than 0, at most two decimals, as a number or a text; read digit by digit.",
    ),
    (
        "MobileIn",
        "text|whole",
        "7 to 15 digits, with or without `+`.",
    ),
    (
        "IdIn",
        "text|whole",
        "A text; a whole number is taken as its digits.",
    ),
    (
        "Transfer",
        r#"{transaction_id: text, type: "deposit"|"withdrawal", mobile: text, amount: number,
            balance_after: number, timestamp: Time}"#,
        "A deposit or withdrawal that was applied.",
    ),
    (
        "OrderStatus",
        r#"{orderId: text, txnStatus: "PENDING"|"SUCCESS"|"FAILED"|"EXPIRED"|"CANCELLED",
            txnAmount: text, utr: text, paymentMode: "UPI", timestamp: text}"#,
        "`timestamp` is the last change of state, in the partner's UTC offset.",
    ),
    (
        "GatewayRefused",
        r#"{status: "fail", message: any}"#,
        "Why it was not done: a sentence, or each field that fails with its texts.",
    ),
    (
        "AddressIn",
        "{order: whole|text, url: text}",
        "An `http` or `https` address; addresses are told in the order of `order`.",
    ),
    (
        "HashTold",
        "{order: whole, url: text}",
        "`url` is the hash: `/redirect/{hash}` leads to the address.",
    ),
    (
        "DepositAsked",
        "{currency_code: Currency, wallet_type: text, label: text, key1: text,
          custom_transaction_id?: text|null}",
        "`key1` is the transaction number that the payer got.",
    ),
    (
        "WithdrawalAsked",
        r#"{signature: text, withdrawal_id?: text|null, payment_system: text, amount: MoneyIn,
            currency_code: Currency, label: text, is_test: truth, comment?: text|null,
            account_number?: text|null, account_name?: text|null, account_email?: text|null,
            receiver_name?: text|null, payments_details?: any, bank_details?: any,
            account_type?: text|null, document_type?: text|null, document_id?: text|null,
            account_digit?: text|null, iban?: text|null, type?: text|null}"#,
        "The newer form of a withdrawal.",
    ),
    (
        "OldWithdrawalAsked",
        r#"{signature: text, wallet_type: text, wallet_recipient: IdIn, wallet_sender: IdIn,
            email: text, amount: MoneyIn, withdrawal_id: IdIn, account_name?: text|null,
            account_number?: text|null}"#,
        "The older form of a withdrawal, in the merchant's own currency.",
    ),
    (
        "PostbackTold",
        r#"{wallet_type: text, amount: whole, currency_code: Currency, label: text,
            converted_amount: any, direction: "ingoing"|"outgoing", created_datetime: text,
            additional_data: any}"#,
        "What a postback says, without its signature.",
    ),
    (
        "Paginated",
        "{offset: whole, total: whole, limit: whole}",
        "How many there are.",
    ),
    (
        "Fault",
        "{error: {code: text, message: text}}",
        "Why it was not done: a word for programs, a sentence for people.",
    ),
    (
        "Settings",
        r#"{allow_addresses: [text], games: [text], default_game: text|null,
            on_repeat: "refuse"|"replay", credit_on_payment: truth,
            deposit_postback_url: text|null, withdrawal_postback_url: text|null,
            utc_offset: text|null, check_withdrawal_funds: truth,
            unknown_members: "refuse"|"sign"}"#,
        "What is set about a partner's own calls.",
    ),
    (
        "SettingsChange",
        r#"{allow_addresses?: [text]|null, games?: [text]|null, default_game?: text|null,
            on_repeat?: "refuse"|"replay", credit_on_payment?: truth,
            deposit_postback_url?: text|null, withdrawal_postback_url?: text|null,
            utc_offset?: text|null, check_withdrawal_funds?: truth,
            unknown_members?: "refuse"|"sign"}"#,
        "What to set; what is missing stays, null takes away.",
    ),
    (
        "PartnerItem",
        r#"{partner: Partner, name: text, currency: Currency, wallet_token: text,
            state: "enabled"|"disabled"|"expired", created_at: Time}"#,
        "A partner in a list.",
    ),
    (
        "PartnerShown",
        "{..PartnerItem, wallet_url: text, id_space: text, game_server_addresses: [text],
          expires_at: Time|null, ..Settings}",
        "A partner with its settings, never a secret.",
    ),
    (
        "Account",
        "{partner: Partner, player_id: PlayerId, currency: Currency}",
        "A player's money in one currency.",
    ),
    (
        "Player",
        "{partner: Partner, player_id: PlayerId, blocked: truth,
          balances: [{currency: Currency, balance: Amount}], open_sessions: whole}",
        "A player.",
    ),
    (
        "Session",
        r#"{code: text, ..Account, state: "open"|"closed"|"expired", expires_at: Time}"#,
        "A game session.",
    ),
    (
        "Whose",
        r#"{state: "unclaimed"|"matched"|"waiting", matched: {kind: text, id: text}|null,
            reason?: text}"#,
        "Whose a received payment is, or why it waits for an operator.",
    ),
    (
        "Order",
        r#"{id: text, partner: Partner, state: "PENDING"|"SUCCESS"|"FAILED"|"EXPIRED"|"CANCELLED",
            orderId: text, txn_ref_id: text, amount: Amount, currency: Currency,
            txnNote: text|null, cust_Mobile: text|null, cust_Email: text|null, utr: text|null,
            received_payment: text|null, paid_amount: Amount|null, reason: text|null,
            created_at: Time, expires_at: Time, state_at: Time}"#,
        "A payment link.",
    ),
    (
        "PaymentItem",
        "{id: text, ..Whose, wallet_type: text, reference: text, amount: Amount,
          currency: Currency, account: text|null, payer: text|null, note: text|null,
          suspicious: truth, received_at: Time, created_at: Time}",
        "A received payment.",
    ),
    (
        "Deposit",
        r#"{id: text, partner: Partner,
            state: "open"|"possible"|"expired"|"waiting"|"saved"|"credited"|"rejected",
            waits?: text, custom_transaction_id: text, label: text, wallet_type: text,
            key1: text|null,
            amount: Amount|null, currency: Currency,
            activated: {at: Time, amount: Amount, currency: Currency, by_payment: truth,
                approved_amount: Amount|null, payer: text|null, stockpiling_id: whole}|null,
            postback: text|null, is_manual: truth, screenshot: text|null, reason: text|null,
            hosted: {payment_url: text, language: text, bank: text, redirect_url: text,
                identifier: text}|null,
            created_at: Time, expires_at: Time}"#,
        "A deposit of a merchant's payer; `waits` says why it waits, `approved_amount` is what it brought by an operator's word before its payment took the place of that, `hosted` is the page that it is paid on.",
    ),
    (
        "DepositShown",
        "{..Deposit, received_payment: PaymentItem|null}",
        "The same with the received payment that bears its number.",
    ),
    (
        "Withdrawal",
        r#"{id: whole, partner: Partner, state: "processing"|"processed"|"rejected",
            withdrawal_id: text, wallet_type: text, amount: Amount, currency: Currency,
            label: text, is_test: truth, comment: text|null, details: any, note: text|null,
            created_at: Time, decided_at: Time|null}"#,
        "A merchant's withdrawal; `details` says whereto, by the request's own names.",
    ),
    (
        "Postback",
        r#"{id: whole, partner: Partner, state: "due"|"delivered"|"waiting",
            type: "deposit"|"withdrawal", name: text, custom_transaction_id?: text,
            withdrawal_id?: text, attempts: whole, due_at: Time|null, created_at: Time,
            changed_at: Time}"#,
        "What a merchant is told, and how far that is.",
    ),
    (
        "PostbackShown",
        r#"{..Postback, body: text, corrections: whole, tries: [{number: whole, at: Time,
            corrections: whole, url: text, taken: truth, status: whole|null, answer: text}]}"#,
        "The same with its bytes and its last tries; `corrections` says how often the bytes had been put right.",
    ),
    (
        "Rates",
        "{base: Currency, rates: any}",
        "Units of each currency for one of the base, as decimal texts.",
    ),
    (
        "Tally",
        "{count: whole, amount: Amount}",
        "How many, and how much.",
    ),
    (
        "Round",
        "{..Account, round_id: whole, game: whole, bets: Tally, wins: Tally, cancels: Tally,
          first_at: Time, last_at: Time}",
        "All bets and wins under one `round_id`.",
    ),
    (
        "Backup",
        r#"{number: whole, to: text, state: "running"|"done"|"failed", began_at: Time,
            done_bytes: whole, total_bytes: whole, error: text|null, seq?: whole, hash?: text,
            at?: Time, copied_bytes?: whole, copied_files?: whole, verified?: true}"#,
        "A backup, as far as it has come.",
    ),
];

/// The shape of that name.
pub(super) fn shape(name: &str) -> Option<&'static str> {
    let mut names = NAMES.iter();
    names.find_map(|&(known, shape, _)| (known == name).then_some(shape))
}

/// All of them, as `components.schemas` has them.
pub(super) fn schemas() -> Map<String, Value> {
    let described = |&(name, shape, text): &(&str, &str, &str)| {
        let mut schema = shape::schema(shape);
        schema["description"] = json!(text);
        (name.to_owned(), schema)
    };
    NAMES.iter().map(described).collect()
}
