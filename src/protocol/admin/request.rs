//! What the operations are asked with. Names are those of the command line's flags.

use std::fmt::Display;

use ipnet::IpNet;
use serde::{Serialize, Serializer};

use super::members::{Malformed, Members};
use crate::engine::rotation::SecretKind;
use crate::engine::settings::SettingsChange;
use crate::id::{
    Code, GameNumber, GameType, IdSpaceName, Lang, Name, PartnerNumber, PlayerId, Reason,
    Reference, WalletToken, as_optional_text, as_text, network,
};
use crate::money::{Amount, Currency, Sum};
use crate::time::{Span, Timestamp};

/// Items on a page that does not say how many.
const PAGE_ITEMS: u64 = 100;

/// Items on the longest page.
const PAGE_ITEMS_MAX: u64 = 1000;

fn as_nullable_text<T: Display, S: Serializer>(
    value: &Option<Option<T>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    as_optional_text(&value.as_ref().and_then(Option::as_ref), serializer)
}

/// A partner to create.
#[derive(Clone, Debug, Serialize)]
pub struct CreatePartner {
    /// What people call it.
    pub name: Name,
    /// The currency of its own calls, INR if nothing is said.
    pub currency: Currency,
    /// The last part of its Wallet URL; without it one is made.
    pub wallet_token: Option<WalletToken>,
    /// Where its game servers' ids are unique; without it `default`.
    pub id_space: Option<IdSpaceName>,
    /// Where its game servers may call from; empty: anywhere.
    pub game_server_addresses: Vec<IpNet>,
    /// When it ends, if it does.
    #[serde(serialize_with = "as_optional_text")]
    pub expires_at: Option<Timestamp>,
    /// What is set about its own calls; what is missing has its default.
    #[serde(flatten)]
    pub settings: SettingsChange,
}

/// Reads the settings that a partner may be created with and that may be changed.
fn take_settings(members: &mut Members) -> Result<SettingsChange, Malformed> {
    Ok(SettingsChange {
        allow_addresses: members.list_by("allow_addresses", network)?,
        games: members.list_by("games", str::parse::<GameType>)?,
        default_game: members.nullable("default_game")?,
        on_repeat: members.optional("on_repeat")?,
        credit_on_payment: members.truth("credit_on_payment")?,
        deposit_postback_url: members.nullable("deposit_postback_url")?,
        withdrawal_postback_url: members.nullable("withdrawal_postback_url")?,
        utc_offset: members.nullable("utc_offset")?,
        check_withdrawal_funds: members.truth("check_withdrawal_funds")?,
        unknown_members: members.optional("unknown_members")?,
    })
}

impl CreatePartner {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<CreatePartner, Malformed> {
        let inr = || "INR".parse().expect("three capital letters");
        let request = CreatePartner {
            name: members.required("name")?,
            currency: members.optional("currency")?.unwrap_or_else(inr),
            wallet_token: members.optional("wallet_token")?,
            id_space: members.optional("id_space")?,
            game_server_addresses: members
                .list_by("game_server_addresses", network)?
                .unwrap_or_default(),
            expires_at: members.optional("expires_at")?,
            settings: take_settings(&mut members)?,
        };
        members.finish().map(|()| request)
    }
}

/// A partner's settings to change; what is missing stays.
#[derive(Clone, Debug, Serialize)]
pub struct UpdatePartner {
    /// Which.
    pub partner: PartnerNumber,
    /// Where its game servers may call from; empty: anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub game_server_addresses: Option<Vec<IpNet>>,
    /// When it ends; null takes the end away.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "as_nullable_text"
    )]
    pub expires_at: Option<Option<Timestamp>>,
    /// What to set about its own calls.
    #[serde(flatten)]
    pub settings: SettingsChange,
}

impl UpdatePartner {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<UpdatePartner, Malformed> {
        let request = UpdatePartner {
            partner: members.required("partner")?,
            game_server_addresses: members.list_by("game_server_addresses", network)?,
            expires_at: members.nullable("expires_at")?,
            settings: take_settings(&mut members)?,
        };
        members.finish().map(|()| request)
    }
}

/// Secrets of a partner to exchange.
#[derive(Clone, Debug, Serialize)]
pub struct RotateSecret {
    /// Whose.
    pub partner: PartnerNumber,
    /// Which, `api` if nothing is said.
    pub what: SecretKind,
    /// How long those before still open, `24h` if nothing is said.
    #[serde(serialize_with = "as_text")]
    pub grace: Span,
}

impl RotateSecret {
    /// How long a secret still opens after its exchange where nothing is said.
    pub const GRACE: Span = Span::from_seconds(24 * 60 * 60);

    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<RotateSecret, Malformed> {
        let request = RotateSecret {
            partner: members.required("partner")?,
            what: members.optional("what")?.unwrap_or(SecretKind::Api),
            grace: members.optional("grace")?.unwrap_or(RotateSecret::GRACE),
        };
        members.finish().map(|()| request)
    }
}

/// One partner.
#[derive(Clone, Debug, Serialize)]
pub struct PartnerNamed {
    /// Which.
    pub partner: PartnerNumber,
}

impl PartnerNamed {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<PartnerNamed, Malformed> {
        let partner = members.required("partner")?;
        members.finish().map(|()| PartnerNamed { partner })
    }
}

/// A player's account to create.
#[derive(Clone, Debug, Serialize)]
pub struct CreatePlayer {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// What it begins with, 0.00 if nothing is said.
    #[serde(serialize_with = "as_text")]
    pub balance: Amount,
}

impl CreatePlayer {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<CreatePlayer, Malformed> {
        let request = CreatePlayer {
            partner: members.required("partner")?,
            player_id: members.required("player_id")?,
            currency: members.required("currency")?,
            balance: members
                .optional_by("balance", Amount::from_decimal)?
                .unwrap_or_default(),
        };
        members.finish().map(|()| request)
    }
}

/// One player.
#[derive(Clone, Debug, Serialize)]
pub struct PlayerNamed {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
}

impl PlayerNamed {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<PlayerNamed, Malformed> {
        let request = PlayerNamed {
            partner: members.required("partner")?,
            player_id: members.required("player_id")?,
        };
        members.finish().map(|()| request)
    }
}

/// A balance to adjust.
#[derive(Clone, Debug, Serialize)]
pub struct AdjustPlayer {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// What to put on, or with a minus take off.
    #[serde(serialize_with = "as_text")]
    pub amount: Sum,
    /// Unique per partner; repeating it changes nothing.
    pub reference: Reference,
    /// Why.
    pub reason: Reason,
}

impl AdjustPlayer {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<AdjustPlayer, Malformed> {
        let request = AdjustPlayer {
            partner: members.required("partner")?,
            player_id: members.required("player_id")?,
            currency: members.required("currency")?,
            amount: members.required_by("amount", Sum::from_decimal)?,
            reference: members.required("reference")?,
            reason: members.required("reason")?,
        };
        members.finish().map(|()| request)
    }
}

/// A backup to begin.
#[derive(Clone, Debug, Serialize)]
pub struct BackUp {
    /// The directory, on the server's machine and from its root on.
    pub to: String,
    /// How many backups stay restorable there, this one included; all where nothing is said.
    pub keep: Option<u32>,
}

impl BackUp {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<BackUp, Malformed> {
        let to = members.required_by("to", |text| {
            if text.starts_with('/') && !text.contains('\0') {
                Ok(text.to_owned())
            } else {
                Err("must be a directory of the server's machine, from its root on: /backup")
            }
        })?;
        let keep = members.count("keep", 1, u64::from(u32::MAX))?;
        let keep = keep.map(|keep| u32::try_from(keep).expect("it is at most that"));
        members.finish().map(|()| BackUp { to, keep })
    }
}

/// The report on integrity.
#[derive(Debug, Serialize)]
pub struct IntegrityWanted {}

impl IntegrityWanted {
    /// Reads a query, which has no members.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode(members: Members) -> Result<IntegrityWanted, Malformed> {
        members.finish().map(|()| IntegrityWanted {})
    }
}

/// One backup.
#[derive(Clone, Debug, Serialize)]
pub struct BackupNamed {
    /// Its number since the server's start; without it the newest.
    pub number: Option<u64>,
}

impl BackupNamed {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<BackupNamed, Malformed> {
        let number = members.count("number", 1, u64::MAX)?;
        members.finish().map(|()| BackupNamed { number })
    }
}

/// A page of a list.
#[derive(Clone, Debug, Serialize)]
pub struct PageWanted {
    /// Items, 1 to 1000; 100 if nothing is said.
    pub limit: u64,
    /// The `next` of the page before.
    pub cursor: Option<u64>,
}

impl PageWanted {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<PageWanted, Malformed> {
        let page = PageWanted::take(&mut members)?;
        members.finish().map(|()| page)
    }

    pub(super) fn take(members: &mut Members) -> Result<PageWanted, Malformed> {
        let limit = members.count("limit", 1, PAGE_ITEMS_MAX)?;
        Ok(PageWanted {
            limit: limit.unwrap_or(PAGE_ITEMS),
            cursor: members.count("cursor", 0, u64::MAX)?,
        })
    }

    /// How many items, for whoever counts in memory.
    pub fn items_max(&self) -> usize {
        usize::try_from(self.limit).expect("at most 1000")
    }
}

/// A page of what moved an account.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryPage {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// Which page.
    #[serde(flatten)]
    pub page: PageWanted,
}

impl HistoryPage {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<HistoryPage, Malformed> {
        let request = HistoryPage {
            partner: members.required("partner")?,
            player_id: members.required("player_id")?,
            currency: members.required("currency")?,
            page: PageWanted::take(&mut members)?,
        };
        members.finish().map(|()| request)
    }
}

/// A session to open.
#[derive(Clone, Debug, Serialize)]
pub struct OpenSession {
    /// Whose player.
    pub partner: PartnerNumber,
    /// Which player.
    pub player_id: PlayerId,
    /// In which currency.
    pub currency: Currency,
    /// What requests will name it by; without it one is made.
    pub code: Option<Code>,
    /// The game it is opened for.
    pub game: Option<GameNumber>,
    /// The game's language, `en` if nothing is said.
    pub lang: Lang,
    /// How long it lives from now and from each accepted bet; without it `wallet.session_ttl`.
    #[serde(serialize_with = "as_optional_text")]
    pub ttl: Option<Span>,
}

impl OpenSession {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<OpenSession, Malformed> {
        let request = OpenSession {
            partner: members.required("partner")?,
            player_id: members.required("player_id")?,
            currency: members.required("currency")?,
            code: members.optional("code")?,
            game: members
                .count("game", 0, u64::from(u32::MAX))?
                .and_then(|number| u32::try_from(number).ok())
                .map(GameNumber),
            lang: members.optional("lang")?.unwrap_or(Lang::EN),
            ttl: members.optional_by("ttl", Span::positive)?,
        };
        members.finish().map(|()| request)
    }
}

/// One session.
#[derive(Clone, Debug, Serialize)]
pub struct SessionNamed {
    /// What requests name it by.
    pub code: Code,
}

impl SessionNamed {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<SessionNamed, Malformed> {
        let code = members.required("code")?;
        members.finish().map(|()| SessionNamed { code })
    }
}

/// Which trial balance.
#[derive(Clone, Debug, Serialize)]
pub struct TrialBalanceWanted {
    /// Each player's account instead of their sum.
    pub all: bool,
}

impl TrialBalanceWanted {
    /// Reads it.
    ///
    /// # Errors
    /// The first member that is not of its form.
    pub fn decode(mut members: Members) -> Result<TrialBalanceWanted, Malformed> {
        let all = members.truth("all")?.unwrap_or(false);
        members.finish().map(|()| TrialBalanceWanted { all })
    }
}
