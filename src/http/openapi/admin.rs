//! The admin API's operations (operations.md).

use super::{Answer, Call, JSON, Proof};
use crate::protocol::admin::{Method, Operation};

/// What an operation does, what it is asked with, what it tells: nothing where that is
/// no JSON object.
type Said = (&'static str, &'static str, &'static str);

/// Rows are one JSON object a line, and CSV where `format` asks for it.
const ROWS: &str = "application/x-ndjson";

/// What a page of a list is asked by.
const PAGE: &str = "{limit?: whole, cursor?: whole}";
const PARTNER: &str = "{partner: Partner}";
const PLAYER: &str = "{partner: Partner, player_id: PlayerId}";
const SESSION: &str = "{code: text}";
const NUMBERED: &str = "{id: whole}";
const EXPORT: &str = r#"{format?: "jsonl"|"csv", from?: Time, to?: Time}"#;

/// All of them.
pub(super) fn calls() -> Vec<Call> {
    Operation::all().map(call).collect()
}

fn call(operation: Operation) -> Call {
    let (method, path) = operation.route();
    let (summary, asked, told) = said(operation);
    let done: Answer = match told {
        "" if operation == Operation::DepositScreenshot => (
            200,
            "What was sent, as what it is by its first bytes",
            "*/*",
            "",
        ),
        "" => (
            200,
            "Rows; a connection that breaks off has not told all",
            ROWS,
            "",
        ),
        told => (200, "Done", JSON, told),
    };
    let reads = method == Method::Get;
    Call {
        method: match method {
            Method::Get => hyper::Method::GET,
            Method::Post => hyper::Method::POST,
        },
        path: path.to_owned(),
        id: format!("{operation:?}"),
        summary,
        proof: Proof::Admin,
        headers: "",
        query: if reads { asked } else { "" },
        body: (!reads).then_some((JSON, asked)),
        answers: vec![done, (0, "Not done", JSON, "Fault")],
    }
}

fn said(operation: Operation) -> Said {
    match operation {
        Operation::CreatePartner => CREATE_PARTNER,
        Operation::ListPartners => LIST_PARTNERS,
        Operation::ShowPartner => SHOW_PARTNER,
        Operation::UpdatePartner => UPDATE_PARTNER,
        Operation::RotateSecret => ROTATE_SECRET,
        Operation::DisablePartner => DISABLE_PARTNER,
        Operation::EnablePartner => ENABLE_PARTNER,
        Operation::CreatePlayer => CREATE_PLAYER,
        Operation::ShowPlayer => SHOW_PLAYER,
        Operation::BlockPlayer => BLOCK_PLAYER,
        Operation::UnblockPlayer => UNBLOCK_PLAYER,
        Operation::AdjustPlayer => ADJUST_PLAYER,
        Operation::PlayerHistory => PLAYER_HISTORY,
        Operation::OpenSession => OPEN_SESSION,
        Operation::ShowSession => SHOW_SESSION,
        Operation::CloseSession => CLOSE_SESSION,
        Operation::ReceivePayment => RECEIVE_PAYMENT,
        Operation::ListPayments => LIST_PAYMENTS,
        Operation::ListOrders => LIST_ORDERS,
        Operation::ShowOrder => SHOW_ORDER,
        Operation::ApproveOrder => APPROVE_ORDER,
        Operation::RejectOrder => REJECT_ORDER,
        Operation::CancelOrder => CANCEL_ORDER,
        Operation::ListDeposits => LIST_DEPOSITS,
        Operation::ShowDeposit => SHOW_DEPOSIT,
        Operation::DepositScreenshot => DEPOSIT_SCREENSHOT,
        Operation::ApproveDeposit => APPROVE_DEPOSIT,
        Operation::RejectDeposit => REJECT_DEPOSIT,
        Operation::ListWithdrawals => LIST_WITHDRAWALS,
        Operation::ShowWithdrawal => SHOW_WITHDRAWAL,
        Operation::ApproveWithdrawal => APPROVE_WITHDRAWAL,
        Operation::RejectWithdrawal => REJECT_WITHDRAWAL,
        Operation::ListPostbacks => LIST_POSTBACKS,
        Operation::ShowPostback => SHOW_POSTBACK,
        Operation::RetryPostback => RETRY_POSTBACK,
        Operation::TestPostback => TEST_POSTBACK,
        Operation::ShowRates => SHOW_RATES,
        Operation::SetRates => SET_RATES,
        Operation::TrialBalance => TRIAL_BALANCE,
        Operation::OpenRounds => OPEN_ROUNDS,
        Operation::Anomalies => ANOMALIES,
        Operation::Revenue => REVENUE,
        Operation::Integrity => INTEGRITY,
        Operation::ExportJournal => EXPORT_JOURNAL,
        Operation::ExportTransactions => EXPORT_TRANSACTIONS,
        Operation::ExportPlayers => EXPORT_PLAYERS,
        Operation::BackUp => BACK_UP,
        Operation::ShowBackup => SHOW_BACKUP,
    }
}

const CREATE_PARTNER: Said = (
    "Create a partner and show its secrets, this once",
    "{name: text, currency?: Currency|null, wallet_token?: text|null, id_space?: text|null,
    game_server_addresses?: [text], expires_at?: Time|null, ..SettingsChange}",
    "{partner: Partner, name: text, currency: Currency, wallet_token: text, wallet_url: text,
    api_key: text, api_secret: text, payment_token: text, pluginapi_secret: text,
    access_key: text, private_key: text}",
);

const LIST_PARTNERS: Said = (
    "List the partners",
    PAGE,
    "{items: [PartnerItem], next: Cursor}",
);

const SHOW_PARTNER: Said = ("Show a partner with its settings", PARTNER, "PartnerShown");

const UPDATE_PARTNER: Said = (
    "Change a partner's settings",
    "{partner: Partner, game_server_addresses?: [text]|null, expires_at?: Time|null,
    ..SettingsChange}",
    "PartnerShown",
);

const ROTATE_SECRET: Said = (
    "Exchange a partner's secrets and show the new ones, this once",
    r#"{partner: Partner, what?: "api"|"payment"|"paykassma", grace?: Duration|null}"#,
    r#"{partner: Partner, what: "api"|"payment"|"paykassma", api_key: text, former_until: Time,
    api_secret?: text, payment_token?: text, pluginapi_secret?: text, access_key?: text,
    private_key?: text}"#,
);

const DISABLE_PARTNER: Said = ("Disable a partner", PARTNER, "PartnerShown");

const ENABLE_PARTNER: Said = ("Enable a partner again", PARTNER, "PartnerShown");

const CREATE_PLAYER: Said = (
    "Create a player, or a player's account in a further currency",
    "{..Account, balance?: Amount|null}",
    "{..Account, balance: Amount}",
);

const SHOW_PLAYER: Said = ("Show a player", PLAYER, "Player");

const BLOCK_PLAYER: Said = ("Block a player: no bets and no sessions", PLAYER, "Player");

const UNBLOCK_PLAYER: Said = ("Unblock a player", PLAYER, "Player");

const ADJUST_PLAYER: Said = (
    "Put money on a player's account or take it off, once for each reference",
    "{..Account, amount: Amount, reference: text, reason: text}",
    "{..Account, balance: Amount, reference: text, repeated: truth}",
);

const PLAYER_HISTORY: Said = (
    "List what moved a player's account, newest first",
    "{..Account, limit?: whole, cursor?: whole}",
    "{items: [{seq: whole, type: text, amount: Amount, balance_after: Amount,
    reference: text|null, round_id: whole|null, game: whole|null, at: Time}], next: Cursor}",
);

const OPEN_SESSION: Said = (
    "Open a game session",
    "{..Account, code?: text|null, game?: whole|null, lang?: text|null,
    ttl?: Duration|null}",
    "{code: text, expires_at: Time, launch_url: text|null}",
);

const SHOW_SESSION: Said = ("Show a session", SESSION, "Session");

const CLOSE_SESSION: Said = ("Close a session", SESSION, "Session");

const RECEIVE_PAYMENT: Said = (
    "Take down that money has come, once for each wallet type and reference",
    "{wallet_type: text, reference: text, amount: Amount, currency: Currency, account?: text|null,
    received_at?: Time|null, payer?: text|null, note?: text|null, suspicious?: truth,
    check_only?: truth}",
    "{received_payment: text, ..Whose, repeated: truth}",
);

const LIST_PAYMENTS: Said = (
    "List received payments, newest first",
    PAGE,
    "{items: [PaymentItem], next: Cursor}",
);

const LIST_ORDERS: Said = (
    "List payment links, newest first; a page may have fewer items than asked for",
    r#"{partner?: Partner,
    state?: "PENDING"|"SUCCESS"|"FAILED"|"EXPIRED"|"CANCELLED", limit?: whole, cursor?: whole}"#,
    "{items: [Order], next: Cursor}",
);

const SHOW_ORDER: Said = ("Show a payment link", "{id: text}", "Order");

const APPROVE_ORDER: Said = (
    "Say that a payment link is paid",
    "{id: text, utr?: text|null}",
    "Order",
);

const REJECT_ORDER: Said = (
    "Say that a payment link is not paid",
    "{id: text, reason: text}",
    "Order",
);

const CANCEL_ORDER: Said = (
    "Take a payment link back",
    "{id: text, reason?: text|null}",
    "Order",
);

const LIST_DEPOSITS: Said = (
    "List deposits of merchants' payers, newest first; a page may have fewer items than asked for",
    r#"{partner?: Partner,
    state?: "possible"|"expired"|"waiting"|"saved"|"credited"|"rejected", limit?: whole,
    cursor?: whole}"#,
    "{items: [Deposit], next: Cursor}",
);

const SHOW_DEPOSIT: Said = (
    "Show a deposit with the payment that bears its number",
    "{id: text}",
    "DepositShown",
);

const DEPOSIT_SCREENSHOT: Said = ("Fetch the picture of a deposit's payment", "{id: text}", "");

const APPROVE_DEPOSIT: Said = (
    "Say that a deposit's money has come, and tell its merchant",
    "{id: text}",
    "DepositShown",
);

const REJECT_DEPOSIT: Said = (
    "Say that a deposit's money has not come",
    "{id: text, reason: text}",
    "DepositShown",
);

const LIST_WITHDRAWALS: Said = (
    "List merchants' withdrawals, newest first; a page may have fewer items than asked for",
    r#"{partner?: Partner, state?: "processing"|"processed"|"rejected", limit?: whole,
    cursor?: whole}"#,
    "{items: [Withdrawal], next: Cursor}",
);

const SHOW_WITHDRAWAL: Said = ("Show a withdrawal", NUMBERED, "Withdrawal");

const APPROVE_WITHDRAWAL: Said = (
    "Say that a withdrawal was paid out, and tell its merchant",
    "{id: whole, note?: text|null}",
    "Withdrawal",
);

const REJECT_WITHDRAWAL: Said = (
    "Say that a withdrawal is not paid out, give its money back, and tell its merchant",
    "{id: whole, reason: text}",
    "Withdrawal",
);

const LIST_POSTBACKS: Said = (
    "List what merchants are told, newest first; a page may have fewer items than asked for",
    r#"{partner?: Partner, state?: "due"|"delivered"|"waiting", limit?: whole, cursor?: whole}"#,
    "{items: [Postback], next: Cursor}",
);

const SHOW_POSTBACK: Said = (
    "Show a postback with what came of it",
    NUMBERED,
    "PostbackShown",
);

const RETRY_POSTBACK: Said = ("Send a postback again", NUMBERED, "PostbackShown");

const TEST_POSTBACK: Said = (
    "Send a signed sample postback, and tell what came back; nothing is kept of it",
    r#"{partner: Partner, type: "deposit"|"withdrawal"}"#,
    r#"{partner: Partner, type: "deposit"|"withdrawal", url: text, body: text, taken: truth,
        status: whole|null, answer: text}"#,
);

const SHOW_RATES: Said = ("Show the rates that hold", "{}", "Rates");

const SET_RATES: Said = (
    "Set some rates, each as `INR=84.10`; the others stay",
    "{rates: [text]}",
    "Rates",
);

const TRIAL_BALANCE: Said = (
    "Add up every account",
    "{all?: truth}",
    "{currencies: [{currency: Currency, accounts: [{account: text, balance: Amount}],
    sum: Amount}]}",
);

const OPEN_ROUNDS: Said = (
    "List the rounds that are open, oldest first",
    PAGE,
    "{items: [Round], next: Cursor}",
);

const ANOMALIES: Said = (
    "List what was odd and taken all the same, oldest first",
    PAGE,
    "{items: [{kind: text, ..Account, transaction: {seq: whole, type: text, id: whole,
    amount: Amount, game: whole, at: Time}, round: Round|null}], next: Cursor}",
);

const REVENUE: Said = (
    "What was played by day, partner, currency and game",
    PAGE,
    "{items: [{day: text, partner: Partner, currency: Currency, game: whole, bets: Tally,
    wins: Tally, cancels: Tally, revenue: Amount}], next: Cursor}",
);

const INTEGRITY: Said = (
    "Tell how far journal and books are, and what was last found about them",
    "{}",
    "{head: {seq: whole, hash: text}, books_seq: whole, scrub: {ok: truth, began_at: Time,
    ended_at: Time, pages: truth, segments: whole, entries: whole, rows: whole,
    bytes: whole, findings: [text]}|null, backup: Backup|null}",
);

const EXPORT_JOURNAL: Said = ("Stream every entry", EXPORT, "");

const EXPORT_TRANSACTIONS: Said = ("Stream every bet, win, cancel and void", EXPORT, "");

const EXPORT_PLAYERS: Said = (
    "Stream every player's account as it is after one entry",
    r#"{format?: "jsonl"|"csv"}"#,
    "",
);

const BACK_UP: Said = ("Begin a backup", "{to: text, keep?: whole|null}", "Backup");

const SHOW_BACKUP: Said = (
    "Show how a backup goes on, or what came of it",
    "{number?: whole}",
    "Backup",
);
