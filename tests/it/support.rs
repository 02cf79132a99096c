//! A server in this process, over a simulated disk and a clock moved by hand, and a caller who
//! sends exact bytes and sees exact bytes.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use coffer::config::{Games, Paykassma};
use coffer::disk::Disk;
use coffer::engine::command::{
    AccountName, NewAdjustment, NewPartner, NewSession, PartnerChange, Rules,
};
use coffer::engine::document::PartnerSecrets;
use coffer::engine::settings::{PartnerSettings, SettingsChange};
use coffer::http::sender::{Teller, web_roots};
use coffer::http::{
    Admin, AdminGuard, Gateway, Limits, Meters, PartnerGuard, Payments, Settings, State, serve,
};
use coffer::id::{Lang, PartnerNumber};
use coffer::journal::{Attachments, Backups};
use coffer::ledger::{Latched, Ledger};
use coffer::money::Amount;
use coffer::protocol::wallet::reply::Wording;
use coffer::protocol::wallet::texts::Texts;
use coffer::secret::{Secret, SecretKey};
use coffer::sim::clock::ManualClock;
use coffer::sim::disk::SimDisk;
use coffer::sim::sample;
use coffer::time::{Clock, Span, SystemClock, UtcOffset};
use ipnet::IpNet;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::books::Books;

/// The document's session.
pub(crate) const CODE: &str = "hmeu134_56eEYeGgre";
/// The document's player.
pub(crate) const PLAYER: &str = "usr-1122334455";
/// The wallet token of the first partner.
pub(crate) const TOKEN: &str = "agent_1";
/// What opens the admin API.
pub(crate) const ADMIN_KEY: &str = "key_of_the_admin_api";
/// What partners' secrets are hashed under.
pub(crate) const SECRET_KEY: [u8; 32] = [7; 32];
/// What the clock shows until a test moves it.
pub(crate) const NOW: &str = "2023-09-21T03:23:23Z";

/// A test that waits so long for bytes has failed. Nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a server starts with; every test changes what it is about.
pub(crate) struct Setup {
    pub(crate) limits: Limits,
    pub(crate) rules: Rules,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) game_server_addresses: Vec<IpNet>,
    pub(crate) settings: PartnerSettings,
    pub(crate) texts: BTreeMap<Lang, BTreeMap<String, String>>,
    pub(crate) utc_offset: UtcOffset,
    pub(crate) paykassma: Paykassma,
    pub(crate) payments: Payments,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup {
            limits: Limits::default(),
            rules: Rules::default(),
            trusted_proxies: Vec::new(),
            game_server_addresses: Vec::new(),
            settings: PartnerSettings::default(),
            texts: BTreeMap::new(),
            utc_offset: UtcOffset::UTC,
            paykassma: Paykassma::default(),
            payments: Payments::default(),
        }
    }
}

/// A running server with one partner, whose player has 1000.00 USD and one session.
pub(crate) struct Server {
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) partner: PartnerNumber,
    pub(crate) books: Arc<Books>,
    pub(crate) state: Arc<State>,
    runtime: tokio::runtime::Runtime,
    stop: Option<oneshot::Sender<()>>,
    serving: Option<tokio::task::JoinHandle<Result<(), Latched>>>,
    committing: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Server {
        Server::with(Setup::default())
    }

    pub(crate) fn with(setup: Setup) -> Server {
        Server::over(Arc::new(Books::new()), setup)
    }

    /// Starts over books that another server left.
    pub(crate) fn over(books: Arc<Books>, setup: Setup) -> Server {
        let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
        let (ledger, committing) = books.open(Arc::clone(&clock) as Arc<dyn Clock>, setup.rules);
        let serves = Arc::clone(&clock) as Arc<dyn Clock>;
        let disk = Arc::new(books.disk());
        let state = state(Arc::clone(&ledger), serves, &setup, disk);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let listen = || runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let (public, admin) = (listen(), listen());
        let (stop, stopped) = oneshot::channel();
        let mut server = Server {
            public: public.local_addr().unwrap(),
            admin: admin.local_addr().unwrap(),
            ledger,
            clock,
            partner: PartnerNumber(1),
            books,
            state: Arc::clone(&state),
            serving: None,
            stop: Some(stop),
            committing: Some(committing),
            runtime,
        };
        let shutdown = async move { drop(stopped.await) };
        server.serving = Some(server.runtime.spawn(serve(state, public, admin, shutdown)));
        if server.ledger.partner(server.partner).is_err() {
            let addresses = setup.game_server_addresses;
            server.partner = server.create_partner(TOKEN, "default", addresses, setup.settings);
            server.add_player(server.partner, PLAYER, "USD", 100_000);
            server.add_session(server.partner, PLAYER, "USD", CODE, Lang::EN);
        }
        server
    }

    pub(crate) fn add_partner(
        &self,
        token: &str,
        id_space: &str,
        game_server_addresses: Vec<IpNet>,
    ) -> PartnerNumber {
        let settings = PartnerSettings::default();
        self.create_partner(token, id_space, game_server_addresses, settings)
    }

    fn create_partner(
        &self,
        token: &str,
        id_space: &str,
        game_server_addresses: Vec<IpNet>,
        settings: PartnerSettings,
    ) -> PartnerNumber {
        let new = NewPartner {
            id_space: id_space.parse().unwrap(),
            game_server_addresses,
            settings,
            ..sample::partner(token, "USD".parse().unwrap())
        };
        let created = self.ledger.create_partner(new, secrets(token)).unwrap();
        created.value.number
    }

    pub(crate) fn add_player(
        &self,
        partner: PartnerNumber,
        player: &str,
        currency: &str,
        cents: u64,
    ) {
        let name = account(partner, player, currency);
        let balance = Amount::from_cents(cents).unwrap();
        self.ledger.create_player(&name, balance).unwrap();
    }

    pub(crate) fn add_session(
        &self,
        partner: PartnerNumber,
        player: &str,
        currency: &str,
        code: &str,
        lang: Lang,
    ) {
        let new = NewSession {
            account: account(partner, player, currency),
            code: code.parse().unwrap(),
            game: None,
            lang,
            ttl: Span::from_seconds(24 * 3600),
        };
        self.ledger.open_session(new).unwrap();
    }

    /// Puts cents on the document's account, or takes them off.
    pub(crate) fn adjust(&self, amount: &str, reference: &str) {
        let new = NewAdjustment {
            account: account(self.partner, PLAYER, "USD"),
            amount: coffer::money::Sum::from_decimal(amount).unwrap(),
            reference: reference.parse().unwrap(),
            reason: "test".parse().unwrap(),
        };
        self.ledger.adjust(&new).unwrap();
    }

    pub(crate) fn block(&self, blocked: bool) {
        let player = PLAYER.parse().unwrap();
        self.ledger
            .set_blocked(self.partner, &player, blocked)
            .unwrap();
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.public)
    }

    /// Sends a body to the first partner's Wallet URL; the whole answer.
    pub(crate) fn post(&self, body: &str) -> Answer {
        self.connect().post(TOKEN, body)
    }

    /// The same; the answer's body, which came with HTTP 200.
    pub(crate) fn play(&self, body: &str) -> String {
        let answer = self.post(body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }

    /// Asks the server to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<(), Latched> {
        self.stopped()
    }

    /// Begins to stop, and goes on.
    pub(crate) fn begin_stopping(&mut self) {
        drop(self.stop.take());
    }

    /// Waits until serving has ended of itself.
    pub(crate) fn end(mut self) -> Result<(), Latched> {
        let serving = self.serving.take().unwrap();
        self.runtime.block_on(serving).unwrap()
    }

    fn stopped(&mut self) -> Result<(), Latched> {
        drop(self.stop.take());
        let outcome = match self.serving.take() {
            Some(serving) => self.runtime.block_on(serving).unwrap(),
            None => Ok(()),
        };
        self.ledger.shut_down();
        if let Some(committing) = self.committing.take() {
            committing.join().unwrap();
        }
        outcome
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that is failing already shows its own fault.
        if !std::thread::panicking() {
            let _outcome = self.stopped();
        }
    }
}

/// Each way in which a partner may not call, which is the only one from then on, and its name. The
/// list of addresses holds none of this machine.
pub(crate) fn ways_to_shut_out() -> [(&'static str, PartnerChange); 3] {
    let change = |disabled, expires_at: Option<&str>, addresses: &[&str]| PartnerChange {
        disabled: Some(disabled),
        expires_at: Some(expires_at.map(|at| at.parse().unwrap())),
        settings: SettingsChange {
            allow_addresses: Some(addresses.iter().map(|of| of.parse().unwrap()).collect()),
            ..SettingsChange::default()
        },
        ..PartnerChange::default()
    };
    [
        ("disabled", change(true, None, &[])),
        ("expired", change(false, Some("2020-01-01T00:00:00Z"), &[])),
        ("elsewhere", change(false, None, &["192.0.2.0/24"])),
    ]
}

/// What the partner of a wallet token proves itself with: `key_of_{token}`, `secret_of_{token}`,
/// `token_of_{token}`, and as a merchant `gateway_secret_of_{token}`, `access_key_of_{token}` and
/// `private_key_of_{token}`.
pub(crate) fn secrets(token: &str) -> PartnerSecrets {
    let key = SecretKey::new(&SECRET_KEY);
    let secret = |what: &str| Secret::new(format!("{what}_of_{token}"));
    PartnerSecrets {
        api_key: format!("key_of_{token}"),
        api_secret: key.hash(&secret("secret")),
        payment_token: key.hash(&secret("token")),
        pluginapi_secret: key.hash(&secret("gateway_secret")),
        access_key: key.seal(&secret("access_key")),
        private_key: key.seal(&secret("private_key")),
        ..sample::secrets()
    }
}

/// What a server over `ledger` serves from.
pub(crate) fn state(
    ledger: Arc<Ledger>,
    clock: Arc<dyn Clock>,
    setup: &Setup,
    disk: Arc<dyn Disk>,
) -> Arc<State> {
    let failures_max = setup.limits.failed_authentications_per_minute_max;
    Arc::new(State {
        ledger,
        clock,
        settings: Settings {
            wording: Wording {
                texts: Texts::new(&setup.texts).unwrap(),
                utc_offset: setup.utc_offset,
            },
            trusted_proxies: setup.trusted_proxies.clone(),
            payments: setup.payments.clone(),
            rates: coffer::engine::rates::Rates::default(),
            public_url: "http://coffer.test".to_owned(),
            limits: setup.limits,
        },
        admin: Admin {
            secret_key: Arc::new(SecretKey::new(&SECRET_KEY)),
            games: Games::default(),
            session_ttl: Span::from_seconds(24 * 60 * 60),
            guard: AdminGuard::new(&Secret::new(ADMIN_KEY.to_owned()), true, 20),
            backups: Arc::new(backups_of_nothing()),
            scrubs: Arc::default(),
            teller: Teller::new(true, Duration::from_secs(20), web_roots()),
        },
        meters: Meters::default(),
        partner_guard: PartnerGuard::new(Arc::new(SecretKey::new(&SECRET_KEY)), failures_max),
        game: None,
        gateway: Gateway::new(
            Arc::new(SecretKey::new(&SECRET_KEY)),
            failures_max,
            setup.paykassma.clone(),
        ),
        attachments: Attachments::open(disk).unwrap(),
    })
}

/// What is backed up is looked at over the real program, which has the journal at hand.
fn backups_of_nothing() -> Backups {
    let disk = SimDisk::new();
    let opened = crate::journal::start(&disk).unwrap();
    Backups::new(Arc::new(opened.journal), Arc::new(SystemClock), 0)
}

pub(crate) fn account(partner: PartnerNumber, player: &str, currency: &str) -> AccountName {
    AccountName {
        partner,
        player_id: player.parse().unwrap(),
        currency: currency.parse().unwrap(),
    }
}

/// One request to a Wallet URL, as bytes.
pub(crate) fn wallet_request(token: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /wallet/{token} HTTP/1.1\r\nHost: coffer.test\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// One call of the partner of a wallet token, as bytes; `line` is its method and path.
pub(crate) fn partner_request(token: &str, line: &str, body: &str) -> Vec<u8> {
    format!(
        "{line} HTTP/1.1\r\nHost: coffer.test\r\nX-API-Key: key_of_{token}\r\n\
         X-API-Secret: secret_of_{token}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// An answer as it came, but for the `date` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn closes(&self) -> bool {
        self.head.contains("\r\nconnection: close\r\n")
    }
}

/// A connection that sends and reads raw bytes.
pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(to: SocketAddr) -> Client {
        let stream = TcpStream::connect(to).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        Client {
            stream,
            read: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends as much as the other end takes; whether that was all. The other end must take it or
    /// close: letting the sender wait is a fault.
    pub(crate) fn try_send(&mut self, bytes: &[u8]) -> bool {
        match self.stream.write_all(bytes) {
            Ok(()) => true,
            Err(error) if is_broken(&error) => false,
            Err(error) => panic!("neither taken nor closed: {error}"),
        }
    }

    /// Says that nothing more will be sent.
    pub(crate) fn finish_sending(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    pub(crate) fn post(&mut self, token: &str, body: &str) -> Answer {
        self.ask(&wallet_request(token, body))
    }

    pub(crate) fn ask(&mut self, bytes: &[u8]) -> Answer {
        self.send(bytes);
        self.answer().expect("an answer before the connection ends")
    }

    /// The next answer, or `None` where the connection ends without another byte.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        self.answer_to(true)
    }

    /// The next answer; one to HEAD has no body, whatever its length says.
    pub(crate) fn answer_to(&mut self, with_body: bool) -> Option<Answer> {
        let head_ends = loop {
            let end = self.read.windows(4).position(|four| four == b"\r\n\r\n");
            match end {
                Some(end) => break end + 4,
                None if self.read_more() => {}
                None if self.read.is_empty() => return None,
                None => panic!("half a head: {:?}", String::from_utf8_lossy(&self.read)),
            }
        };
        let head = String::from_utf8(self.read.drain(..head_ends).collect()).unwrap();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        let length = if with_body { length } else { 0 };
        while self.read.len() < length {
            assert!(self.read_more(), "half a body after {head}");
        }
        let body = String::from_utf8(self.read.drain(..length).collect()).unwrap();
        let dated = |line: &&str| !line.starts_with("date: ");
        Some(Answer {
            status: head[9..12].parse().unwrap(),
            head: head.split_inclusive("\r\n").filter(dated).collect(),
            body,
        })
    }

    /// Whether the connection has ended, without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        self.read.is_empty() && !self.read_more()
    }

    fn read_more(&mut self) -> bool {
        let mut space = [0; 4096];
        match self.stream.read(&mut space) {
            Ok(0) => false,
            Ok(count) => {
                self.read.extend_from_slice(&space[..count]);
                true
            }
            Err(error) if is_broken(&error) => false,
            Err(error) => panic!("no bytes: {error}"),
        }
    }

    /// Whether the connection ends here in good order: with a farewell, not torn down over bytes
    /// that nobody read, which may take the last answer with it.
    pub(crate) fn ends_in_order(&mut self) -> bool {
        self.read.is_empty() && matches!(self.stream.read(&mut [0]), Ok(0))
    }
}

fn is_broken(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
    )
}

/// `result` and `credit` of an answer.
pub(crate) fn told(body: &str) -> (u64, Option<u64>) {
    let json: serde_json::Value = serde_json::from_str(body).unwrap();
    let result = json["result"].as_u64().unwrap();
    if result != 1 {
        assert_eq!(json["err_code"].as_u64(), Some(result), "{body}");
        assert!(!json["err_desc"].as_str().unwrap().is_empty(), "{body}");
    }
    (result, json["credit"].as_u64())
}

/// Bodies of requests in the document's session, or another.
pub(crate) struct Plays<'a>(pub(crate) &'a str);

impl Plays<'_> {
    pub(crate) fn credit(&self) -> String {
        format!(r#"{{"type":"credit","code":"{}"}}"#, self.0)
    }

    pub(crate) fn bet(&self, id: u64, cents: u64) -> String {
        self.transaction("bet", id, cents, "")
    }

    pub(crate) fn win(&self, id: u64, cents: u64) -> String {
        self.transaction("win", id, cents, "")
    }

    pub(crate) fn bet_in(&self, round: u64, id: u64, cents: u64) -> String {
        self.transaction("bet", id, cents, &format!(",\"round_id\":{round}"))
    }

    pub(crate) fn win_in(&self, round: u64, id: u64, cents: u64) -> String {
        self.transaction("win", id, cents, &format!(",\"round_id\":{round}"))
    }

    pub(crate) fn cancel(&self, id: u64) -> String {
        format!(r#"{{"type":"cancel","code":"{}","id":{id}}}"#, self.0)
    }

    pub(crate) fn cancel_in(&self, round: u64, id: u64) -> String {
        let code = self.0;
        format!(r#"{{"type":"cancel","code":"{code}","id":{id},"round_id":{round}}}"#)
    }

    fn transaction(&self, kind: &str, id: u64, cents: u64, rest: &str) -> String {
        let code = self.0;
        format!(
            r#"{{"type":"{kind}","code":"{code}","game":1012,"id":{id},"{kind}":{cents}{rest}}}"#
        )
    }
}
