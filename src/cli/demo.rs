//! `coffer demo`: sample data, ready-made calls, and a small game server that plays while you look.
//!
//! What the samples need is created once and found again afterwards. Others than the sample
//! player play, so that the calls answer with the figures of the Wallet API's document.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::admin::Admin;
use super::failure::{Failure, described};
use super::fill::FillOptions;
use super::serve::{self, With};
use crate::config::Games;
use crate::engine::settings::SettingsChange;
use crate::http::client::{Call, ClientError, Connection};
use crate::id::{Code, GameNumber, GameType, Lang, PartnerNumber, PlayerId};
use crate::money::{Amount, Currency, Sum};
use crate::protocol::admin::{
    AdjustPlayer, CreatePartner, CreatePlayer, OpenSession, Operation, PageWanted, SessionNamed,
};
use crate::protocol::partner::reply::game_path;
use crate::secret::Secret;
use crate::sim::gameserver::{GameServer, Ids, Told};
use crate::time::{Clock, Span};

/// The Wallet API's document uses one text as wallet token and as code.
const TOKEN: &str = "hmeu134_56eEYeGgre";
const PLAYER: &str = "usr-1122334455";
const CURRENCY: &str = "USD";

/// The document's four requests: what they do, and their bodies.
const SAMPLES: [(&str, &str); 4] = [
    (
        "read the balance",
        r#"{"code":"hmeu134_56eEYeGgre","type":"credit","time":"21-09-2023 03:23:23"}"#,
    ),
    (
        "bet 5.00",
        r#"{"bet":500,"code":"hmeu134_56eEYeGgre","game":1012,"id":3,"type":"bet","time":"21-09-2023 03:23:23"}"#,
    ),
    (
        "win 10.00",
        r#"{"code":"hmeu134_56eEYeGgre","game":1012,"id":4,"type":"win","win":1000,"time":"21-09-2023 03:23:23"}"#,
    ),
    (
        "cancel a bet that never came",
        r#"{"code":"hmeu134_56eEYeGgre","id":5,"type":"cancel","time":"21-09-2023 03:23:23"}"#,
    ),
];

/// Who plays with the simulated game server.
const OTHERS: [&str; 4] = ["demo-anna", "demo-boris", "demo-chitra", "demo-dev"];

/// Whose session is open for a person's browser, and the game there.
const VISITOR: &str = "demo-you";
const VISITORS_GAME: (&str, GameNumber) = ("mine", GameNumber(1));

/// What each of them begins with, and gets when too little is left, in cents.
const STAKES: u64 = 50_000;

/// Between two requests of the simulated game server: slow enough to follow.
const PAUSE: Duration = Duration::from_millis(700);

/// Sample data that is there, and who plays on it.
pub(super) struct Demo {
    admin_authority: String,
    public_authority: String,
    admin_key: Secret,
    clock: Arc<dyn Clock>,
    partner: PartnerNumber,
    server: GameServer,
    /// Where a person plays.
    launch_url: String,
    /// Whose each code is.
    players: Vec<(Code, PlayerId)>,
}

#[derive(Args)]
pub(super) struct DemoOptions {
    #[command(flatten)]
    serve: serve::Options,
    #[command(flatten)]
    fill: FillOptions,
}

pub(super) fn run(options: &DemoOptions) -> Result<(), Failure> {
    serve::run(&options.serve, With::Demo(options.fill.order()))
}

/// A call to be pasted, one line.
pub(super) fn curl(url: &str, body: &str) -> String {
    format!("curl -sS -w '\\n' -d '{body}' '{url}'\n")
}

fn text<T: std::str::FromStr>(text: &str) -> T {
    let value = text.parse().ok();
    value.expect("the demo's own texts are of their form")
}

/// What was asked for is there already: as good as done.
fn or_there_already(asked: Result<Vec<u8>, Failure>) -> Result<(), Failure> {
    match asked {
        Ok(_) => Ok(()),
        Err(Failure::Refused(reason)) => {
            tracing::debug!(reason, "the demo goes on with what is there");
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

impl Demo {
    /// Creates through the admin API at `admin` whatever of the sample data is not there yet. Both
    /// addresses are ones that can be called.
    pub(super) async fn prepare(
        admin: SocketAddr,
        (public, public_url): (SocketAddr, &str),
        admin_key: Secret,
        clock: Arc<dyn Clock>,
        ids: Ids,
    ) -> Result<Demo, Failure> {
        let admin_authority = admin.to_string();
        let mut admin = Admin::connect(&admin_authority, admin_key.clone()).await?;
        let partner = partner(&mut admin).await?;
        let currency: Currency = text(CURRENCY);
        // Ten years: the document's code must not run out, since no code is used twice.
        let ttl: Span = text("3650d");
        let session = |player_id: PlayerId, code: Code| OpenSession {
            partner,
            player_id,
            currency,
            code: Some(code),
            game: Some(GameNumber(1012)),
            lang: Lang::EN,
            ttl: Some(ttl),
        };
        let account = |player_id: PlayerId, cents| CreatePlayer {
            partner,
            player_id,
            currency,
            balance: Amount::from_cents(cents).expect("a small balance"),
        };
        let sample = account(text(PLAYER), 100_000);
        or_there_already(admin.ask(Operation::CreatePlayer, &sample).await)?;
        let sample = session(text(PLAYER), text(TOKEN));
        or_there_already(admin.ask(Operation::OpenSession, &sample).await)?;
        let mut players = Vec::new();
        for player in OTHERS {
            let other = account(text(player), STAKES);
            or_there_already(admin.ask(Operation::CreatePlayer, &other).await)?;
            let open = |code| session(text(player), code);
            players.push((session_of(&mut admin, player, open).await?, text(player)));
        }
        let (game, number) = VISITORS_GAME;
        let visitor = account(text(VISITOR), STAKES);
        or_there_already(admin.ask(Operation::CreatePlayer, &visitor).await)?;
        let open = |code| OpenSession {
            game: Some(number),
            ..session(text(VISITOR), code)
        };
        let code = session_of(&mut admin, VISITOR, open).await?;
        let base = format!("{public_url}{}", game_path(&text::<GameType>(game)));
        let launch_url = Games::real_url(&base, number, &code, Lang::EN, &text(TOKEN));
        let now = clock.now().micros();
        let codes = players.iter().map(|(code, _)| code.clone()).collect();
        Ok(Demo {
            admin_authority,
            public_authority: public.to_string(),
            admin_key,
            clock,
            partner,
            server: GameServer::new(now, ids, codes),
            launch_url,
            players,
        })
    }

    /// Calls to try, ready to be pasted.
    pub(super) fn samples(&self) -> String {
        let url = format!("http://{}/wallet/{TOKEN}", self.public_authority);
        let mut text = format!(
            "# {} players play at {url} meanwhile. Try the Wallet API as {PLAYER}:\n",
            self.players.len()
        );
        for (what, body) in SAMPLES {
            write!(text, "# {what}\n{}", curl(&url, body)).expect("a text takes any text");
        }
        text.push_str("# Sent again, all are answered again and nothing moves.\n");
        let url = &self.launch_url;
        writeln!(
            text,
            "# Play in your browser as {VISITOR}:\n{url}\n# Ctrl-C stops."
        )
        .expect("a text takes any text");
        text
    }

    /// Plays until the server goes away.
    pub(super) async fn play(mut self) {
        loop {
            if let Err(error) = self.play_connected().await {
                tracing::debug!(
                    reason = described(&error),
                    "the demo's game server tries again"
                );
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn play_connected(&mut self) -> Result<(), ClientError> {
        let mut connection = Connection::open(&self.public_authority).await?;
        let path = format!("/wallet/{TOKEN}");
        loop {
            let call = Call {
                method: "POST",
                path: &path,
                bearer: None,
                body: self.server.request(self.clock.now()).into_bytes(),
            };
            let (_, answer) = connection.call(call).await?;
            match self.server.take(&answer) {
                Ok(Told::PlaysOn) => {}
                Ok(Told::OutOfFunds(code)) => self.refill(&code).await,
                Ok(Told::Refused(result)) => {
                    tracing::debug!(result, "the demo's game server was refused");
                }
                Err(error) => tracing::warn!(%error, "a Wallet URL answered what it never does"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Gives a player who has too little left some more.
    async fn refill(&self, code: &Code) {
        let Some((_, player_id)) = self.players.iter().find(|(known, _)| known == code) else {
            return;
        };
        let stakes = Amount::from_cents(STAKES).expect("a small balance");
        let request = AdjustPlayer {
            partner: self.partner,
            player_id: player_id.clone(),
            currency: text(CURRENCY),
            amount: Sum::from(stakes),
            reference: text(&format!("demo-{}", self.clock.now().micros())),
            reason: text("The demo's player has too little left"),
        };
        let asked = async {
            let key = self.admin_key.clone();
            let mut admin = Admin::connect(&self.admin_authority, key).await?;
            admin.ask(Operation::AdjustPlayer, &request).await
        };
        if let Err(failure) = asked.await {
            let reason = failure.reason().unwrap_or_default();
            tracing::warn!(reason, "a player of the demo could not be given more");
        }
    }
}

/// The code of an open session of `player`: of an earlier start's, or of one that `open` opens.
async fn session_of(
    admin: &mut Admin,
    player: &str,
    open: impl Fn(Code) -> OpenSession,
) -> Result<Code, Failure> {
    let name = player.replace('-', "_");
    for number in 1_u64.. {
        let code: Code = text(&format!("{name}_{number}"));
        let opening = open(code.clone());
        let opened = admin.ask(Operation::OpenSession, &opening).await;
        let Err(Failure::Refused(reason)) = opened else {
            return opened.map(|_| code);
        };
        let named = SessionNamed { code };
        let Ok(session) = admin.ask(Operation::ShowSession, &named).await else {
            // It was not refused for its code.
            return Err(Failure::Refused(reason));
        };
        let session: Value =
            serde_json::from_slice(&session).map_err(|error| Failure::of(&error))?;
        if session["state"] == "open" && session["player_id"] == player {
            return Ok(named.code);
        }
    }
    unreachable!("there are more numbers than sessions")
}

/// The sample partner: the one with the document's token, created where there is none.
async fn partner(admin: &mut Admin) -> Result<PartnerNumber, Failure> {
    let request = CreatePartner {
        name: text("Demo"),
        currency: text(CURRENCY),
        wallet_token: Some(text(TOKEN)),
        id_space: None,
        game_server_addresses: Vec::new(),
        expires_at: None,
        settings: SettingsChange::default(),
    };
    or_there_already(admin.ask(Operation::CreatePartner, &request).await)?;
    let mut cursor = None;
    loop {
        let wanted = PageWanted {
            limit: 1000,
            cursor,
        };
        let page = admin.ask(Operation::ListPartners, &wanted).await?;
        let page: Value = serde_json::from_slice(&page).map_err(|error| Failure::of(&error))?;
        let mut items = page["items"].as_array().into_iter().flatten();
        if let Some(partner) = items.find(|partner| partner["wallet_token"] == TOKEN) {
            return Ok(text(partner["partner"].as_str().unwrap_or_default()));
        }
        cursor = page["next"].as_str().and_then(|next| next.parse().ok());
        if cursor.is_none() {
            let reason = format!("there is no partner with the wallet token {TOKEN}");
            return Err(Failure::Refused(reason));
        }
    }
}
