//! A small game that a person plays in the browser: nine tiles, some of which hide double the
//! stake. All of it is plain forms.

use maud::{Markup, html};

use super::Sheet;
use crate::money::{Amount, Currency};

/// Where assets lie, as seen from a game's page at `/v3/game/NAME`.
pub const GAME_ASSETS: &str = "../../order/";

/// Tiles to pick from.
pub const TILES: u32 = 9;

/// What a player sees of a game.
#[derive(Clone, Copy)]
pub struct Table<'a> {
    /// The game, as its partner names it.
    pub game: &'a str,
    /// Who plays.
    pub player: &'a str,
    /// What the player's account holds.
    pub balance: Amount,
    /// In which currency.
    pub currency: Currency,
    /// What can be bet.
    pub stakes: &'a [Amount],
    /// What lies on the table, where a round is being played.
    pub staked: Option<Amount>,
    /// What came of the last turn.
    pub said: Option<&'a Said>,
}

/// What came of a turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// The tile hid so much.
    Won(Amount),
    /// It hid nothing.
    Lost,
    /// The bet was taken back.
    TakenBack,
    /// It was not done, in the wallet's words.
    Refused(String),
    /// The wallet has not answered: it is asked again.
    Unanswered,
}

/// The page of a game.
pub fn game(table: &Table<'_>) -> Vec<u8> {
    let main = html! {
        main.card.game {
            header {
                p.to { "Demo game" }
                h1 { (table.game) }
                p.amount { (table.balance) " " span.currency { (table.currency) } }
                p.note { (table.player) }
            }
            @if let Some(said) = table.said { (told(said)) }
            @match table.staked {
                None => (stakes(table)),
                Some(staked) => (tiles(table, staked)),
            }
            footer {
                "Every step goes through the Wallet URL: credit, bet, win and cancel."
            }
        }
    };
    let sheet = Sheet {
        title: table.game,
        assets: GAME_ASSETS,
        reload_seconds: None,
        leads: None,
        main,
    };
    sheet.bytes()
}

fn told(said: &Said) -> Markup {
    let (kind, text) = match said {
        Said::Won(won) => ("good", format!("You win {won}!")),
        Said::Lost => ("bad", "Nothing under this one.".to_owned()),
        Said::TakenBack => ("wait", "Your bet is back.".to_owned()),
        Said::Refused(text) => ("bad", text.clone()),
        Said::Unanswered => (
            "wait",
            "The wallet did not answer. It is asked again.".to_owned(),
        ),
    };
    html! {
        div.outcome.(kind) role="status" { h2 { (text) } }
    }
}

fn stakes(table: &Table<'_>) -> Markup {
    html! {
        form method="post" {
            p.hint { "Bet, then pick one of nine tiles. Four hide double your stake." }
            div.choices {
                @for stake in table.stakes {
                    button.button type="submit" name="bet" value=(stake) { "Bet " (stake) }
                }
            }
        }
    }
}

fn tiles(table: &Table<'_>, staked: Amount) -> Markup {
    html! {
        form method="post" {
            p.hint { (staked) " " (table.currency) " lies on the table. Pick a tile." }
            div.tiles {
                @for tile in 1..=TILES {
                    button.button type="submit" name="pick" value=(tile)
                        aria-label=(format!("Tile {tile}")) { "?" }
                }
            }
        }
        form method="post" {
            button.button.plain type="submit" name="cancel" value="1" { "Take the bet back" }
        }
    }
}
