//! Operators' commands judged: partners, players, sessions, adjustments
//! (operations.md, Shapes that scripts use).
//!
//! Each comes to a [`Record`] to be taken down, to nothing where all is already as asked, or to a
//! refusal.

use super::command::{AccountName, NewAdjustment, NewPartner, NewSession, PartnerChange};
use super::document::{
    AccountOpened, Adjustment, Document, Partner, PartnerSecrets, Player, Session,
};
use super::entry::{AccountRef, Actor, Link, Posting, Record, RecordKind};
use super::holdings::{AccountRow, PlayerKey, PlayerRow, SessionRow};
use super::refusal::OperatorRefusal;
use super::rotation::NewSecrets;
use crate::id::{AccountNumber, IdSpaceNumber, PartnerNumber, Seq, SessionNumber};
use crate::money::{Amount, Sum};
use crate::time::{Span, Timestamp};

fn record(kind: RecordKind, postings: Vec<Posting>, documents: Vec<Document>) -> Record {
    Record {
        by: Actor::Operator,
        kind,
        postings,
        documents,
    }
}

/// A partner comes into being. That its wallet token is free was seen by the caller.
///
/// # Errors
/// [`OperatorRefusal::DefaultGameNotPermitted`].
pub fn decide_partner(
    new: NewPartner,
    number: PartnerNumber,
    id_space: IdSpaceNumber,
    secrets: PartnerSecrets,
    now: Timestamp,
) -> Result<Record, OperatorRefusal> {
    if !new.settings.default_game_is_permitted() {
        return Err(OperatorRefusal::DefaultGameNotPermitted);
    }
    let partner = Partner {
        number,
        name: new.name,
        currency: new.currency,
        wallet_token: new.wallet_token,
        id_space,
        id_space_name: new.id_space,
        disabled: false,
        expires_at: new.expires_at,
        game_server_addresses: new.game_server_addresses,
        settings: new.settings,
        created_at: now,
        secrets,
    };
    Ok(record(
        RecordKind::PartnerCreated,
        Vec::new(),
        vec![Document::Partner(Box::new(partner))],
    ))
}

/// A partner's settings or state change; `None` where they are so already.
///
/// # Errors
/// [`OperatorRefusal::DefaultGameNotPermitted`].
pub fn decide_partner_change(
    partner: &Partner,
    change: PartnerChange,
) -> Result<Option<Record>, OperatorRefusal> {
    let mut changed = partner.clone();
    if let Some(disabled) = change.disabled {
        changed.disabled = disabled;
    }
    if let Some(addresses) = change.game_server_addresses {
        changed.game_server_addresses = addresses;
    }
    if let Some(expires_at) = change.expires_at {
        changed.expires_at = expires_at;
    }
    changed.settings = changed.settings.with(change.settings);
    if !changed.settings.default_game_is_permitted() {
        return Err(OperatorRefusal::DefaultGameNotPermitted);
    }
    if changed == *partner {
        return Ok(None);
    }
    Ok(Some(record(
        RecordKind::PartnerChanged,
        Vec::new(),
        vec![Document::Partner(Box::new(changed))],
    )))
}

/// Some of a partner's secrets are exchanged for new ones.
pub fn decide_rotation(partner: &Partner, new: NewSecrets, grace: Span, now: Timestamp) -> Record {
    let changed = Partner {
        secrets: partner.secrets.rotated(new, grace, now),
        ..partner.clone()
    };
    record(
        RecordKind::PartnerSecretRotated,
        Vec::new(),
        vec![Document::Partner(Box::new(changed))],
    )
}

/// A player, or the player's account in a further currency, comes into being with a balance,
/// which is an adjustment (operations.md, Shapes that scripts use).
///
/// # Errors
/// [`OperatorRefusal::AccountExists`].
pub fn decide_player(
    player: Option<&PlayerRow>,
    name: &AccountName,
    id_space: IdSpaceNumber,
    number: AccountNumber,
    balance: Amount,
) -> Result<Record, OperatorRefusal> {
    if player.is_some_and(|row| row.account_in(name.currency).is_some()) {
        return Err(OperatorRefusal::AccountExists);
    }
    let documents = opening(player, name, id_space, number);
    let postings = if balance.is_zero() {
        Vec::new()
    } else {
        let link = Link {
            previous: Seq::NONE,
            balance_after: balance,
        };
        adjusting(name, number, balance_cents(balance), link)
    };
    Ok(record(RecordKind::PlayerCreated, postings, documents))
}

/// A player is blocked or unblocked; `None` where so already.
///
/// # Errors
/// [`OperatorRefusal::PlayerUnknown`].
pub fn decide_block(
    player: Option<&PlayerRow>,
    key: &PlayerKey,
    blocked: bool,
) -> Result<Option<Record>, OperatorRefusal> {
    let row = player.ok_or(OperatorRefusal::PlayerUnknown)?;
    if row.blocked == blocked {
        return Ok(None);
    }
    let player = Player {
        partner: key.0,
        player_id: key.1.clone(),
        blocked,
    };
    Ok(Some(record(
        RecordKind::PlayerChanged,
        Vec::new(),
        vec![Document::Player(player)],
    )))
}

/// A balance is adjusted; `None` where `before`, the adjustment of that reference, is the same.
///
/// # Errors
/// [`OperatorRefusal`]: an unknown account, a reference used for something else, nothing to
/// adjust, too little or too much money.
pub fn decide_adjustment(
    account: Option<&AccountRow>,
    before: Option<&Adjustment>,
    new: &NewAdjustment,
) -> Result<Option<Record>, OperatorRefusal> {
    let account = account.ok_or(OperatorRefusal::AccountUnknown)?;
    let number = account.opened.number;
    let magnitude = new
        .amount
        .magnitude()
        .ok_or(OperatorRefusal::BalanceOutOfRange)?;
    let is_added = new.amount >= Sum::ZERO;
    let cents = if is_added {
        balance_cents(magnitude)
    } else {
        -balance_cents(magnitude)
    };
    let adjustment = Adjustment {
        partner: new.account.partner,
        reference: new.reference.clone(),
        account: number,
        cents,
        reason: new.reason.clone(),
    };
    if let Some(before) = before {
        return if *before == adjustment {
            Ok(None)
        } else {
            Err(OperatorRefusal::ReferenceUsed)
        };
    }
    if magnitude.is_zero() {
        return Err(OperatorRefusal::AmountZero);
    }
    let balance_after = if is_added {
        account
            .balance
            .plus(magnitude)
            .ok_or(OperatorRefusal::BalanceOutOfRange)?
    } else {
        account
            .balance
            .minus(magnitude)
            .ok_or(OperatorRefusal::InsufficientFunds)?
    };
    let link = Link {
        previous: account.last,
        balance_after,
    };
    let postings = adjusting(&new.account, number, cents, link);
    Ok(Some(record(
        RecordKind::Adjustment,
        postings,
        vec![Document::Adjustment(adjustment)],
    )))
}

/// A session begins, and with it the player and the account where they are missing. That the
/// code was never used was seen by the caller.
///
/// # Errors
/// [`OperatorRefusal::PartnerNotLive`], [`OperatorRefusal::PlayerBlocked`].
pub fn decide_session(
    player: Option<&PlayerRow>,
    partner: &Partner,
    new: NewSession,
    (number, account): (SessionNumber, AccountNumber),
    now: Timestamp,
) -> Result<(Record, Session), OperatorRefusal> {
    if !partner.is_live(now) {
        return Err(OperatorRefusal::PartnerNotLive);
    }
    if player.is_some_and(|player| player.blocked) {
        return Err(OperatorRefusal::PlayerBlocked);
    }
    let there = player.and_then(|player| player.account_in(new.account.currency));
    let (account, mut documents) = match there {
        Some(row) => (row.opened.number, Vec::new()),
        None => (
            account,
            opening(player, &new.account, partner.id_space, account),
        ),
    };
    let session = Session {
        number,
        code: new.code,
        partner: partner.number,
        player_id: new.account.player_id,
        account,
        currency: new.account.currency,
        ttl: new.ttl,
        expires_at: now.plus(new.ttl),
        closed: false,
        game: new.game,
        lang: new.lang,
        link: None,
    };
    documents.push(Document::Session(Box::new(session.clone())));
    Ok((
        record(RecordKind::SessionOpened, Vec::new(), documents),
        session,
    ))
}

/// A session is closed; `None` where it is already.
pub fn decide_close(row: &SessionRow) -> Option<Record> {
    if row.session.closed {
        return None;
    }
    let session = Session {
        closed: true,
        ..row.session.clone()
    };
    Some(record(
        RecordKind::SessionClosed,
        Vec::new(),
        vec![Document::Session(Box::new(session))],
    ))
}

/// The documents that open an account, and its player where there is none yet.
pub(super) fn opening(
    player: Option<&PlayerRow>,
    name: &AccountName,
    id_space: IdSpaceNumber,
    number: AccountNumber,
) -> Vec<Document> {
    let (partner, player_id) = (name.partner, name.player_id.clone());
    let opened = AccountOpened {
        number,
        partner,
        player_id: player_id.clone(),
        currency: name.currency,
        id_space,
    };
    let mut documents = Vec::new();
    if player.is_none() {
        documents.push(Document::Player(Player {
            partner,
            player_id,
            blocked: false,
        }));
    }
    documents.push(Document::Account(opened));
    documents
}

/// Adjustments to a player's account, or back.
fn adjusting(name: &AccountName, number: AccountNumber, cents: i64, link: Link) -> Vec<Posting> {
    let currency = name.currency;
    vec![
        Posting {
            account: AccountRef::Adjustments,
            currency,
            cents: -cents,
            link: None,
        },
        Posting {
            account: AccountRef::Player(number),
            currency,
            cents,
            link: Some(link),
        },
    ]
}

fn balance_cents(amount: Amount) -> i64 {
    i64::try_from(amount.cents()).expect("an amount is at most 2^53-1")
}

impl AccountName {
    /// The player without the currency.
    pub fn player_key(&self) -> PlayerKey {
        (self.partner, self.player_id.clone())
    }
}
