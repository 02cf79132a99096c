//! Pages that people see: pure, from what is known to the bytes of a page.
//!
//! All works without scripts; the one script that there is only spares a reload. Every text that
//! came from outside is escaped where it is put in, and the policy below lets nothing run or load
//! that does not come from us.

mod asset;
mod game;
mod number;
mod payment;
mod qr;

pub use asset::{Asset, asset};
pub use game::{GAME_ASSETS, Said, TILES, Table, game};
pub use number::{Number, characters};
pub use payment::{Entry, Payment, Requisites, Stage, Transfer, payment};

use maud::{DOCTYPE, Markup, html};

/// What a browser may do with a page (`Content-Security-Policy`): load our style and script, ask
/// us again, send its form to us, and nothing else; nobody may frame it.
pub const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A page around `main`.
struct Sheet<'a> {
    /// What the browser's tab shows.
    title: &'a str,
    /// Where assets lie, as seen from the page; ends in a slash, or is empty.
    assets: &'a str,
    /// After how many seconds the page looks again by itself where scripts do not run.
    reload_seconds: Option<u64>,
    /// Where the page leads by itself, and after how many seconds.
    leads: Option<(&'a str, u64)>,
    /// The page itself.
    main: Markup,
}

impl Sheet<'_> {
    fn bytes(&self) -> Vec<u8> {
        let (css, js) = (asset::STYLE.address(), asset::SCRIPT.address());
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="robots" content="noindex";
                    @if let Some((address, seconds)) = self.leads {
                        meta http-equiv="refresh" content=(format!("{seconds};url={address}"));
                    }
                    title { (self.title) }
                    link rel="stylesheet" href=(format!("{}{css}", self.assets));
                    @if let Some(seconds) = self.reload_seconds {
                        noscript { meta http-equiv="refresh" content=(seconds); }
                        script src=(format!("{}{js}", self.assets)) defer {}
                    }
                }
                body { (self.main) }
            }
        };
        page.into_string().into_bytes()
    }
}

/// A page that says one thing, for who asked in vain. `assets` is where a page's assets lie, as
/// seen from it.
pub fn notice(title: &str, text: &str, assets: &str) -> Vec<u8> {
    let main = html! {
        main.card.notice {
            h1 { (title) }
            p { (text) }
        }
    };
    let sheet = Sheet {
        title,
        assets,
        reload_seconds: None,
        leads: None,
        main,
    };
    sheet.bytes()
}
