//! What an operator may set about a partner's own calls and its merchants'
//! (operations.md, Shapes that scripts use).

use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::id::{GameType, IdError, PostbackUrl};
use crate::time::UtcOffset;

/// All of it, as a partner's document keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PartnerSettings {
    /// Where the partner and its merchants may call from; empty: anywhere.
    pub allow_addresses: Vec<IpNet>,
    /// The games that its users may play; empty: all.
    pub games: Vec<GameType>,
    /// The game of a call that names none.
    pub default_game: Option<GameType>,
    /// What becomes of an exact repetition of a deposit or withdrawal.
    pub on_repeat: OnRepeat,
    /// Whether a payment for a user's mobile number goes into that user's wallet.
    pub credit_on_payment: bool,
    /// Where its merchants are told of deposits.
    pub deposit_postback_url: Option<PostbackUrl>,
    /// Where its merchants are told of withdrawals.
    pub withdrawal_postback_url: Option<PostbackUrl>,
    /// The offset in which its times are told; without it the server's.
    pub utc_offset: Option<UtcOffset>,
    /// Whether its merchants' withdrawals are refused beyond their balances.
    pub check_withdrawal_funds: bool,
    /// What becomes of members that a signed request has beyond the documented ones.
    pub unknown_members: UnknownMembers,
}

impl Default for PartnerSettings {
    fn default() -> PartnerSettings {
        PartnerSettings {
            allow_addresses: Vec::new(),
            games: Vec::new(),
            default_game: None,
            on_repeat: OnRepeat::Refuse,
            credit_on_payment: false,
            deposit_postback_url: None,
            withdrawal_postback_url: None,
            utc_offset: None,
            check_withdrawal_funds: true,
            unknown_members: UnknownMembers::Refuse,
        }
    }
}

/// What to set; `None` leaves as is, `Some(None)` takes away.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SettingsChange {
    /// [`PartnerSettings::allow_addresses`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_addresses: Option<Vec<IpNet>>,
    /// [`PartnerSettings::games`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub games: Option<Vec<GameType>>,
    /// [`PartnerSettings::default_game`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_game: Option<Option<GameType>>,
    /// [`PartnerSettings::on_repeat`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_repeat: Option<OnRepeat>,
    /// [`PartnerSettings::credit_on_payment`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_on_payment: Option<bool>,
    /// [`PartnerSettings::deposit_postback_url`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deposit_postback_url: Option<Option<PostbackUrl>>,
    /// [`PartnerSettings::withdrawal_postback_url`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawal_postback_url: Option<Option<PostbackUrl>>,
    /// [`PartnerSettings::utc_offset`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub utc_offset: Option<Option<UtcOffset>>,
    /// [`PartnerSettings::check_withdrawal_funds`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check_withdrawal_funds: Option<bool>,
    /// [`PartnerSettings::unknown_members`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown_members: Option<UnknownMembers>,
}

impl PartnerSettings {
    /// These settings with a change made.
    #[must_use]
    pub fn with(self, change: SettingsChange) -> PartnerSettings {
        let SettingsChange {
            allow_addresses,
            games,
            default_game,
            on_repeat,
            credit_on_payment,
            deposit_postback_url,
            withdrawal_postback_url,
            utc_offset,
            check_withdrawal_funds,
            unknown_members,
        } = change;
        PartnerSettings {
            allow_addresses: allow_addresses.unwrap_or(self.allow_addresses),
            games: games.unwrap_or(self.games),
            default_game: default_game.unwrap_or(self.default_game),
            on_repeat: on_repeat.unwrap_or(self.on_repeat),
            credit_on_payment: credit_on_payment.unwrap_or(self.credit_on_payment),
            deposit_postback_url: deposit_postback_url.unwrap_or(self.deposit_postback_url),
            withdrawal_postback_url: withdrawal_postback_url
                .unwrap_or(self.withdrawal_postback_url),
            utc_offset: utc_offset.unwrap_or(self.utc_offset),
            check_withdrawal_funds: check_withdrawal_funds.unwrap_or(self.check_withdrawal_funds),
            unknown_members: unknown_members.unwrap_or(self.unknown_members),
        }
    }

    /// Whether its users may play a game (partner-api.md, Users).
    pub fn permits(&self, game: &GameType) -> bool {
        self.games.is_empty() || self.games.contains(game)
    }

    /// Whether the game of calls that name none is one that may be played.
    pub fn default_game_is_permitted(&self) -> bool {
        self.default_game
            .as_ref()
            .is_none_or(|game| self.permits(game))
    }
}

/// What becomes of an exact repetition of a deposit or withdrawal (partner-api.md, Wallet).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnRepeat {
    /// It is refused: its transaction_id is used.
    Refuse,
    /// It gets the first answer again.
    Replay,
}

impl FromStr for OnRepeat {
    type Err = IdError;

    fn from_str(text: &str) -> Result<OnRepeat, IdError> {
        match text {
            "refuse" => Ok(OnRepeat::Refuse),
            "replay" => Ok(OnRepeat::Replay),
            _ => Err(IdError("must be refuse or replay")),
        }
    }
}

/// What becomes of undocumented members of a signed request (paykassma-api.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnknownMembers {
    /// The request is refused, naming them.
    Refuse,
    /// They are signed with the others.
    Sign,
}

impl FromStr for UnknownMembers {
    type Err = IdError;

    fn from_str(text: &str) -> Result<UnknownMembers, IdError> {
        match text {
            "refuse" => Ok(UnknownMembers::Refuse),
            "sign" => Ok(UnknownMembers::Sign),
            _ => Err(IdError("must be refuse or sign")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_of_earlier_has_the_defaults() {
        let read: PartnerSettings = serde_json::from_str("{}").unwrap();
        assert_eq!(read, PartnerSettings::default());
        let some = r#"{"games":["mine"],"on_repeat":"replay","utc_offset":"+05:30"}"#;
        let read: PartnerSettings = serde_json::from_str(some).unwrap();
        let again = serde_json::to_string(&read).unwrap();
        assert_eq!(
            serde_json::from_str::<PartnerSettings>(&again).unwrap(),
            read
        );
        assert!(read.permits(&"mine".parse().unwrap()));
        assert!(!read.permits(&"keno".parse().unwrap()));
    }
}
