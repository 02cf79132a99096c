//! The journal's entries as rows: each with its postings and documents, in CSV a line a posting.

use serde::Serialize;
use serde_json::{Value, json};

use super::Row;
use super::csv::Line;
use super::gateway;
use crate::engine::document::{
    AccountOpened, Adjustment, Document, Order, Partner, Player, ReceivedPayment, Session,
    Transfer, User,
};
use crate::engine::entry::{AccountRef, Actor, Anomalies, Body, Entry, Posting, RecordKind};
use crate::id::{
    AccountNumber, GameNumber, PartnerNumber, PlayerId, RoundId, Seq, SessionNumber, TransactionId,
    as_optional_text, as_text,
};
use crate::money::{Amount, Currency, Sum};
use crate::secret::hex_encode;
use crate::time::Timestamp;

/// An entry.
#[derive(Clone, Debug, Serialize)]
pub struct JournalRow {
    seq: Seq,
    #[serde(serialize_with = "as_text")]
    at: Timestamp,
    /// `game_server`, `partner`, `operator` or `engine`.
    by: &'static str,
    /// `bet`, `win`, `cancel`, `void`, or what a record tells of.
    kind: &'static str,
    /// What the game server said; null for a record.
    transaction: Option<Transaction>,
    /// What moved; sums to zero.
    postings: Vec<PostingItem>,
    /// The documents as they are from then on, without secrets.
    documents: Vec<Value>,
    /// The chain's hash, in the last entry of each batch: a copy of it kept elsewhere shows whether
    /// anything up to here was changed.
    batch_head: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
struct Transaction {
    partner: PartnerNumber,
    player_id: PlayerId,
    currency: Currency,
    session: SessionNumber,
    id: TransactionId,
    round_id: Option<RoundId>,
    game: Option<GameNumber>,
    /// The bet's entry, for a cancel.
    bet: Option<Seq>,
    anomalies: Vec<&'static str>,
}

#[derive(Clone, Debug, Serialize)]
struct PostingItem {
    /// As in the trial balance of each player: `player/p1/usr-1`, `house/p1`, `partner/p1`,
    /// `adjustments`.
    account: String,
    partner: Option<PartnerNumber>,
    player_id: Option<PlayerId>,
    currency: Currency,
    #[serde(serialize_with = "as_text")]
    amount: Sum,
    #[serde(serialize_with = "as_optional_text")]
    balance_after: Option<Amount>,
}

impl PostingItem {
    fn player(opened: AccountOpened, amount: Sum, balance_after: Option<Amount>) -> PostingItem {
        PostingItem {
            account: format!("player/{}/{}", opened.partner, opened.player_id),
            partner: Some(opened.partner),
            player_id: Some(opened.player_id),
            currency: opened.currency,
            amount,
            balance_after,
        }
    }

    fn of(
        posting: &Posting,
        account: &mut impl FnMut(AccountNumber) -> AccountOpened,
    ) -> PostingItem {
        let amount = Sum::from(posting.cents);
        if let AccountRef::Player(number) = posting.account {
            let balance_after = posting.link.map(|link| link.balance_after);
            return PostingItem::player(account(number), amount, balance_after);
        }
        let (name, partner) = (posting.account.named()).expect("all others have names");
        PostingItem {
            account: name,
            partner,
            player_id: None,
            currency: posting.currency,
            amount,
            balance_after: None,
        }
    }
}

impl JournalRow {
    /// The row of an entry. `batch_head` is the chain's hash where the entry ends its batch;
    /// `account` knows whose an account is.
    pub fn of(
        entry: &Entry,
        batch_head: Option<&[u8; 32]>,
        mut account: impl FnMut(AccountNumber) -> AccountOpened,
    ) -> JournalRow {
        let (by, kind) = match &entry.body {
            Body::Bet(_) => (GAME_SERVER, "bet"),
            Body::Win(_) => (GAME_SERVER, "win"),
            Body::Cancel(_) => (GAME_SERVER, "cancel"),
            Body::Void(_) => (GAME_SERVER, "void"),
            Body::Record(record) => (actor(record.by), record_kind(record.kind)),
        };
        let (postings, documents) = match &entry.body {
            Body::Record(record) => {
                let postings = record.postings.iter();
                let postings = postings.map(|posting| PostingItem::of(posting, &mut account));
                (
                    postings.collect(),
                    record.documents.iter().map(document).collect(),
                )
            }
            body => (played(body, &mut account), Vec::new()),
        };
        JournalRow {
            seq: entry.seq,
            at: entry.at,
            by,
            kind,
            transaction: Transaction::of(&entry.body, &mut account),
            postings,
            documents,
            batch_head: batch_head.map(|hash| hex_encode(hash)),
        }
    }
}

const GAME_SERVER: &str = "game_server";

fn actor(by: Actor) -> &'static str {
    match by {
        Actor::Operator => "operator",
        Actor::Partner => "partner",
        Actor::Engine => "engine",
        Actor::Payer => "payer",
    }
}

fn record_kind(kind: RecordKind) -> &'static str {
    match kind {
        RecordKind::PartnerCreated => "partner_created",
        RecordKind::PartnerChanged => "partner_changed",
        RecordKind::PartnerSecretRotated => "partner_secret_rotated",
        RecordKind::PlayerCreated => "player_created",
        RecordKind::PlayerChanged => "player_changed",
        RecordKind::SessionOpened => "session_opened",
        RecordKind::AuthLinkMade => "auth_link_made",
        RecordKind::AuthLinkUsed => "auth_link_used",
        RecordKind::SessionClosed => "session_closed",
        RecordKind::Adjustment => "adjustment",
        RecordKind::UserRegistered => "user_registered",
        RecordKind::Transfer => "transfer",
        RecordKind::PaymentReceived => "payment_received",
        RecordKind::WithdrawalCreated => "withdrawal_created",
        RecordKind::WithdrawalApproved => "withdrawal_approved",
        RecordKind::WithdrawalRejected => "withdrawal_rejected",
        RecordKind::DepositActivated => "deposit_activated",
        RecordKind::PaymentPageMade => "payment_page_made",
        RecordKind::SavingsCredited => "savings_credited",
        RecordKind::DepositApproved => "deposit_approved",
        RecordKind::DepositRejected => "deposit_rejected",
        RecordKind::RequisitesGiven => "requisites_given",
        RecordKind::CustomIdLeft => "custom_id_left",
        RecordKind::PostbackTried => "postback_tried",
        RecordKind::PostbackRetried => "postback_retried",
        RecordKind::OrderCreated => "order_created",
        RecordKind::UtrNamed => "utr_named",
        RecordKind::OrderApproved => "order_approved",
        RecordKind::OrderRejected => "order_rejected",
        RecordKind::OrderCancelled => "order_cancelled",
        RecordKind::UrlsHashed => "urls_hashed",
        RecordKind::RatesSet => "rates_set",
    }
}

/// Both legs of a bet, win or cancel.
fn played(
    body: &Body,
    account: &mut impl FnMut(AccountNumber) -> AccountOpened,
) -> Vec<PostingItem> {
    let Some((number, moved, link)) = body.house_to_player() else {
        return Vec::new();
    };
    let opened = account(number);
    let (account, partner) =
        (AccountRef::House(opened.partner).named()).expect("a house has a name");
    let from = PostingItem {
        account,
        partner,
        player_id: None,
        currency: opened.currency,
        amount: moved.negated(),
        balance_after: None,
    };
    let to = PostingItem::player(opened, moved, Some(link.balance_after));
    vec![to, from]
}

impl Transaction {
    fn of(
        body: &Body,
        account: &mut impl FnMut(AccountNumber) -> AccountOpened,
    ) -> Option<Transaction> {
        let (number, session, id) = match body {
            Body::Bet(play) | Body::Win(play) => (play.account, play.session, play.id),
            Body::Cancel(cancel) => (cancel.account, cancel.session, cancel.id),
            Body::Void(void) => (void.account, void.session, void.id),
            Body::Record(_) => return None,
        };
        let (round_id, game, bet, anomalies) = match body {
            Body::Bet(play) | Body::Win(play) => {
                (play.round, Some(play.game), None, play.anomalies)
            }
            Body::Cancel(of) => (of.round, Some(of.game), Some(of.bet), of.anomalies),
            Body::Void(_) | Body::Record(_) => (None, None, None, Anomalies::NONE),
        };
        let opened = account(number);
        Some(Transaction {
            partner: opened.partner,
            player_id: opened.player_id,
            currency: opened.currency,
            session,
            id,
            round_id,
            game,
            bet,
            anomalies: anomalies.iter().map(|anomaly| anomaly.name()).collect(),
        })
    }
}

/// A document without what opens a door. Every member is named, so that a new one is told only
/// when somebody has said so here.
fn document(document: &Document) -> Value {
    match document {
        Document::Partner(partner) => json!({ "partner": partner_told(partner) }),
        Document::Player(Player {
            partner,
            player_id,
            blocked,
        }) => json!({ "player": {
            "partner": partner, "player_id": player_id, "blocked": blocked,
        } }),
        Document::Account(AccountOpened {
            number,
            partner,
            player_id,
            currency,
            id_space,
        }) => json!({ "account": {
            "number": number, "partner": partner, "player_id": player_id,
            "currency": currency, "id_space": id_space,
        } }),
        Document::Session(session) => json!({ "session": session_told(session) }),
        Document::Adjustment(Adjustment {
            partner,
            reference,
            account,
            cents,
            reason,
        }) => json!({ "adjustment": {
            "partner": partner, "reference": reference, "account": account,
            "amount": Sum::from(*cents).to_string(), "reason": reason,
        } }),
        Document::User(user) => json!({ "user": user_told(user) }),
        Document::Transfer(transfer) => json!({ "transfer": transfer_told(transfer) }),
        Document::ReceivedPayment(payment) => {
            json!({ "received_payment": payment_told(payment) })
        }
        Document::Gateway(document) => gateway::told(document),
        Document::Order(order) => json!({ "order": order_told(order) }),
    }
}

fn partner_told(partner: &Partner) -> Value {
    let Partner {
        number,
        name,
        currency,
        wallet_token: _,
        id_space,
        id_space_name,
        disabled,
        expires_at,
        game_server_addresses,
        settings,
        created_at,
        secrets: _,
    } = partner;
    json!({
        "number": number, "name": name, "currency": currency, "id_space": id_space,
        "id_space_name": id_space_name, "disabled": disabled,
        "expires_at": expires_at.map(|at| at.to_string()),
        "game_server_addresses": game_server_addresses, "settings": settings,
        "created_at": created_at.to_string(),
    })
}

fn user_told(user: &User) -> Value {
    let User {
        number,
        partner,
        name,
        email,
        mobile,
        account,
    } = user;
    json!({
        "number": number, "partner": partner, "name": name, "email": email, "mobile": mobile,
        "account": account,
    })
}

fn transfer_told(transfer: &Transfer) -> Value {
    let Transfer {
        partner,
        id,
        kind,
        mobile,
        account,
        amount,
    } = transfer;
    json!({
        "partner": partner, "transaction_id": id, "kind": kind.name(), "mobile": mobile,
        "account": account, "amount": amount.to_string(),
    })
}

fn payment_told(payment: &ReceivedPayment) -> Value {
    let ReceivedPayment {
        wallet_type,
        reference,
        amount,
        currency,
        account,
        received_at,
        payer,
        note,
        suspicious,
        state,
    } = payment;
    json!({
        "wallet_type": wallet_type, "reference": reference, "amount": amount.to_string(),
        "currency": currency, "account": account,
        "received_at": received_at.map(|at| at.to_string()), "payer": payer, "note": note,
        "suspicious": suspicious, "state": state,
    })
}

fn order_told(order: &Order) -> Value {
    let Order {
        partner,
        id,
        reference,
        amount,
        currency,
        note,
        mobile,
        email,
        created_at,
        expires_at,
        state,
        state_at,
        utr,
        corrections,
        payment,
        reason,
        paid,
    } = order;
    json!({
        "partner": partner, "order_id": id, "txn_ref_id": reference,
        "amount": amount.to_string(), "currency": currency,
        "note": note, "mobile": mobile, "email": email, "created_at": created_at.to_string(),
        "expires_at": expires_at.to_string(), "state": state, "state_at": state_at.to_string(),
        "utr": utr, "corrections": corrections, "reason": reason,
        "payment": (payment.as_ref()).map(|(of, reference)| format!("{of}/{reference}")),
        "paid": paid.as_ref().map(|paid| json!({
            "amount": paid.amount.to_string(), "from": paid.from, "wallet": paid.wallet,
        })),
    })
}

fn session_told(session: &Session) -> Value {
    let Session {
        number,
        code: _,
        partner,
        player_id,
        account,
        currency,
        ttl,
        expires_at,
        closed,
        game,
        lang,
        link,
    } = session;
    json!({
        "number": number, "partner": partner, "player_id": player_id, "account": account,
        "currency": currency, "ttl": ttl.to_string(), "expires_at": expires_at.to_string(),
        "closed": closed, "game": game, "lang": lang, "link": link,
    })
}

impl Row for JournalRow {
    const COLUMNS: &'static [&'static str] = &[
        "seq",
        "at",
        "by",
        "kind",
        "account",
        "partner",
        "player_id",
        "currency",
        "amount",
        "balance_after",
        "session",
        "id",
        "round_id",
        "game",
        "bet",
        "anomalies",
        "documents",
        "batch_head",
    ];

    /// A line a posting, one line where nothing moved. Transaction, documents and hash stand in
    /// the entry's first line.
    fn encode_csv(&self, out: &mut Vec<u8>) {
        self.encode_line(self.postings.first(), true, out);
        for posting in self.postings.iter().skip(1) {
            self.encode_line(Some(posting), false, out);
        }
    }
}

impl JournalRow {
    fn encode_line(&self, posting: Option<&PostingItem>, is_first: bool, out: &mut Vec<u8>) {
        let transaction = self.transaction.as_ref();
        // A void moves nothing and is a player's all the same.
        let (partner, player_id, currency) = match (posting, transaction) {
            (Some(posting), _) => (
                posting.partner,
                posting.player_id.as_ref(),
                Some(posting.currency),
            ),
            (None, Some(of)) => (Some(of.partner), Some(&of.player_id), Some(of.currency)),
            (None, None) => (None, None, None),
        };
        let mut line = Line::begin(out);
        line.plain(self.seq).plain(self.at);
        line.plain(self.by).plain(self.kind);
        line.text(posting.map_or("", |posting| &posting.account));
        line.optional(partner);
        line.text(player_id.map_or("", PlayerId::as_str));
        line.optional(currency);
        line.optional(posting.map(|posting| posting.amount));
        line.optional(posting.and_then(|posting| posting.balance_after));
        let transaction = transaction.filter(|_| is_first);
        line.optional(transaction.map(|of| of.session));
        line.optional(transaction.map(|of| of.id));
        line.optional(transaction.and_then(|of| of.round_id));
        line.optional(transaction.and_then(|of| of.game));
        line.optional(transaction.and_then(|of| of.bet));
        line.optional(transaction.map(|of| of.anomalies.join(" ")));
        if is_first && !self.documents.is_empty() {
            line.text(&Value::Array(self.documents.clone()).to_string());
        } else {
            line.plain("");
        }
        line.optional(self.batch_head.as_ref().filter(|_| is_first));
        line.end();
    }
}
