//! What can be set about coffer: read once, checked whole, one struct per concern.
//!
//! A flag goes before the environment (`COFFER_` + section + key in capitals), that before the
//! file, that before the default (operations.md, Commands). Every key has a default. No setting
//! is a secret.

mod error;
mod given;
mod key;
mod limits;
mod paykassma;
mod rates;
mod read;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;

pub use error::{ConfigError, Place};
pub use limits::Limits;

use crate::books::Checkpoints;
use crate::engine::catalogue::Catalogue;
use crate::engine::command::Rules;
use crate::engine::order::PaymentRules;
use crate::engine::postback::PostbackRules;
use crate::engine::rates::Rates;
use crate::id::{Code, GameNumber, GameType, Lang, UpiAddress, UpiName, WalletToken};
use crate::journal::{CommitMode, SEGMENT_SIZE};
use crate::time::{Span, UtcOffset};
use rates::RatesGiven;

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[server]`.
    pub server: Server,
    /// `[storage]`.
    pub storage: Storage,
    /// `[wallet]`.
    pub wallet: Wallet,
    /// `[games.NAME]`.
    pub games: Games,
    /// `[payments]`.
    pub payments: Payments,
    /// `[postbacks]`.
    pub postbacks: Postbacks,
    /// `[rates]`.
    pub rates: Rates,
    /// `[paykassma]`.
    pub paykassma: Paykassma,
    /// `[limits]`.
    pub limits: Limits,
    /// The rates as far as they were given, until all have been read.
    rates_given: RatesGiven,
}

/// Where and how coffer is reached.
#[derive(Clone, Debug)]
pub struct Server {
    /// The public listener; port 0 takes any.
    pub listen: SocketAddr,
    /// The admin listener; port 0 takes any.
    pub admin_listen: SocketAddr,
    /// What outsiders reach the public listener by; without it, its own address, and 127.0.0.1 or
    /// `[::1]` where that stands for all of the machine's.
    pub public_url: Option<String>,
    /// Direct peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The offset in which the Wallet API's times are told.
    pub utc_offset: UtcOffset,
}

impl Default for Server {
    fn default() -> Server {
        Server {
            listen: SocketAddr::from(([127, 0, 0, 1], 8700)),
            admin_listen: SocketAddr::from(([127, 0, 0, 1], 8701)),
            public_url: None,
            trusted_proxies: Vec::new(),
            utc_offset: UtcOffset::UTC,
        }
    }
}

/// Where the books lie.
#[derive(Clone, Debug)]
pub struct Storage {
    /// The data directory.
    pub data: PathBuf,
    /// Whether a missing or empty directory is refused instead of filled.
    pub must_exist: bool,
    /// How the journal commits.
    pub commit: CommitMode,
    /// Bytes free on the disk below which no bets are taken.
    pub free_low: u64,
    /// Bytes free on the disk below which nothing is taken.
    pub free_stop: u64,
    /// Bytes kept back in the data directory, for a start on a full disk; 0 for none.
    pub reserve_size: u64,
    /// Bytes of entries after which a file of history is finished and the next begun.
    pub segment_size: u64,
    /// When what was played goes to the books, and how much of it stays in memory.
    pub checkpoints: Checkpoints,
    /// Bytes of history and books that are read again each second at most, to find what has
    /// rotted; 0 for never.
    pub scrub: u64,
    /// When the server makes backups by itself; `None` for never.
    pub backup: Option<BackupSchedule>,
}

impl Default for Storage {
    fn default() -> Storage {
        Storage {
            data: PathBuf::from("./coffer-data"),
            must_exist: false,
            commit: CommitMode::OnePhase,
            free_low: 256 << 20,
            free_stop: 64 << 20,
            reserve_size: 64 << 20,
            segment_size: SEGMENT_SIZE,
            checkpoints: Checkpoints::default(),
            scrub: 5 << 20,
            backup: None,
        }
    }
}

/// Backups that the server makes by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupSchedule {
    /// The directory.
    pub to: PathBuf,
    /// Between the beginnings of two.
    pub every: Span,
    /// How many stay restorable.
    pub keep: u32,
}

/// What the Wallet API's rules leave open.
#[derive(Clone, Debug)]
pub struct Wallet {
    /// How long a session lives from its opening and from each accepted bet.
    pub session_ttl: Span,
    /// What bets and cancels are judged by.
    pub rules: Rules,
    /// Reworded texts per language and err_code, as digits.
    pub texts: BTreeMap<Lang, BTreeMap<String, String>>,
}

impl Default for Wallet {
    fn default() -> Wallet {
        Wallet {
            session_ttl: Span::from_seconds(24 * 60 * 60),
            rules: Rules::default(),
            texts: BTreeMap::new(),
        }
    }
}

/// What the Partner API leaves open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payments {
    /// What payments and orders are judged by.
    pub rules: PaymentRules,
    /// How long a one-time link into a game can be used.
    pub auth_link_ttl: Span,
    /// Where payers' apps send money to.
    pub upi_address: Option<UpiAddress>,
    /// What those apps call it; there if the address is.
    pub upi_name: Option<UpiName>,
}

impl Default for Payments {
    fn default() -> Payments {
        Payments {
            rules: PaymentRules {
                wallet_types: vec!["upi".parse().expect("a wallet type")],
                order_ttl: Span::from_seconds(30 * 60),
            },
            auth_link_ttl: Span::from_seconds(5 * 60),
            upi_address: None,
            upi_name: None,
        }
    }
}

/// How merchants are told of deposits and withdrawals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postbacks {
    /// Whether they may be told at addresses that only this machine or its network reaches.
    pub allow_private_addresses: bool,
    /// When they are told again.
    pub rules: PostbackRules,
    /// How long a try may take.
    pub timeout: Span,
}

impl Default for Postbacks {
    fn default() -> Postbacks {
        Postbacks {
            allow_private_addresses: false,
            rules: PostbackRules::default(),
            timeout: Span::from_seconds(10),
        }
    }
}

/// What the gateway offers.
#[derive(Clone, Debug)]
pub struct Paykassma {
    /// How long an activation waits for its payment.
    pub possible_ttl: Span,
    /// How long a hashed address leads somewhere.
    pub hash_ttl: Span,
    /// The payment systems.
    pub catalogue: Catalogue,
}

impl Default for Paykassma {
    fn default() -> Paykassma {
        Paykassma {
            possible_ttl: Span::from_seconds(3 * 24 * 60 * 60),
            hash_ttl: Span::from_seconds(24 * 60 * 60),
            catalogue: paykassma::shipped(),
        }
    }
}

/// The game types by their names.
#[derive(Clone, Debug, Default)]
pub struct Games(BTreeMap<String, Game>);

/// One game type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Game {
    /// Its number at the game server.
    pub game: Option<GameNumber>,
    /// What its launch URLs begin with, without a slash at the end.
    pub launch_base: Option<String>,
}

impl Games {
    /// The number of a game type at its game server: as configured, or one of the types that
    /// everybody knows. `None` where nobody knows it.
    pub fn number(&self, game: &GameType) -> Option<GameNumber> {
        match self.0.get(game.as_str()) {
            Some(configured) => configured.game,
            None => key::known_number(game.as_str()),
        }
    }

    /// The address under which a player plays `game` for money, or `None` where no launch base
    /// is configured for it (wallet-api.md, Launch URLs). No member needs percent-encoding:
    /// all are letters, digits and `_` by their types.
    pub fn launch_url(
        &self,
        game: GameNumber,
        code: &Code,
        lang: Lang,
        wallet: &WalletToken,
    ) -> Option<String> {
        let base = self
            .0
            .values()
            .filter(|known| known.game == Some(game))
            .find_map(|known| known.launch_base.as_ref())?;
        Some(Games::real_url(base, game, code, lang, wallet))
    }

    /// What the launch URLs of a game type begin with, where that is configured.
    pub fn launch_base(&self, game: &GameType) -> Option<&str> {
        self.0.get(game.as_str())?.launch_base.as_deref()
    }

    /// The same address behind any base.
    pub fn real_url(
        base: &str,
        game: GameNumber,
        code: &Code,
        lang: Lang,
        wallet: &WalletToken,
    ) -> String {
        format!("{base}?mode=real_play&gameID={game}&token={code}&lang={lang}&wallet={wallet}")
    }
}

/// A setting given by a flag.
pub struct FlagGiven {
    /// The flag, as it is typed.
    pub flag: &'static str,
    /// The section of the key it sets.
    pub section: &'static str,
    /// The key it sets.
    pub key: &'static str,
    /// Its value.
    pub value: String,
}

#[cfg(test)]
mod tests;
