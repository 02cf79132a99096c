//! `coffer serve`: opens the books, listens, and ends in order.
//!
//! The first line on standard output is the ready line, printed when both addresses take
//! requests. SIGTERM and SIGINT stop accepting, finish what is in flight, sync what is queued,
//! and end with 0; a failed journal ends with 1 (operations.md, Commands).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use clap::Args;
use serde::Serialize;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

use super::admin::{KEY_FILE, load};
use super::books::Books;
use super::demo::Demo;
use super::failure::{Failure, described, over};
use super::fill::{Filled, fill};
use super::game::People;
use super::log::{self, LogForm};
use super::output;
use super::reload::{Reread, reload_when_asked};
use super::schedule::Scheduled;
use super::space::Watching;
use crate::config::Config;
use crate::disk::is_caught;
use crate::http::sender::{Sender, Teller, web_roots};
use crate::http::{self, Admin, AdminGuard, Game, Gateway, Meters, PartnerGuard, Settings, State};
use crate::id::TransactionId;
use crate::journal::{ArchiverStop, Attachments, Backups};
use crate::ledger::{CheckpointerStop, Ledger, ScrubberStop, Scrubs};
use crate::protocol::wallet::reply::Wording;
use crate::protocol::wallet::texts::Texts;
use crate::secret::{Secret, SecretKey};
use crate::sim::fill::Order;
use crate::sim::gameserver::Ids;
use crate::time::{Clock, SystemClock};

/// Connections that wait to be accepted; the machine may allow fewer.
const BACKLOG: u32 = 1024;

#[derive(Args, Clone)]
pub(super) struct Options {
    /// The configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data directory [default: ./coffer-data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// The public address [default: 127.0.0.1:8700]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The admin address [default: 127.0.0.1:8701]
    #[arg(long, value_name = "ADDR")]
    admin_listen: Option<String>,
    /// What outsiders reach the public address by [default: that address]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Let the admin address be reached from other machines without TLS
    #[arg(long)]
    admin_insecure: bool,
    /// The form of the log on standard error [default: text on a terminal, otherwise json]
    #[arg(long, value_name = "FORM")]
    log: Option<LogForm>,
}

/// What is served besides.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    /// Nothing.
    Nothing,
    /// Sample data and a game server that plays, after a history where one is wanted.
    Demo(Option<Order>),
}

pub(super) fn run(options: &Options, with: With) -> Result<(), Failure> {
    let config = options.read()?;
    log::begin(options.log);
    end_on_panic();
    // From here on standard error is the log, whose lines may all be JSON.
    let reread = options.clone();
    let reread = Box::new(move || reread.read());
    run_logged(config, reread, with).map_err(|failure| {
        let code = failure.code();
        if let Some(reason) = failure.reason() {
            tracing::error!("{reason}");
        }
        Failure::Logged(code)
    })
}

/// A panic is a broken invariant: nothing more may be answered, whichever thread found it and
/// however this was built. The next start recovers.
fn end_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        // What has rotted is told to whoever reads it, and harms nobody else.
        if !is_caught() {
            tracing::error!(
                "{panic} (where this comes again, coffer verify tells whether a file is damaged)"
            );
            std::process::abort();
        }
    }));
}

fn run_logged(config: Config, reread: Reread, with: With) -> Result<(), Failure> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    // Before the books: where they are new, a start in vain leaves nothing behind.
    let bound = (
        Bound::new("server.listen", config.server.listen)?,
        Bound::new("server.admin_listen", config.server.admin_listen)?,
    );
    let open = || Books::open(&config, Arc::clone(&clock));
    let (books, space) = over(&config.storage.data, open)?;
    let watching = Watching::begin(space)?;
    let scheduled = Scheduled::begin(&books.backups, config.storage.backup.clone(), &*clock)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::of(&error))?;
    let served = runtime.block_on(serve(config, reread, bound, books, clock, with));
    scheduled.end()?;
    // What still reads the journal has nobody left to tell.
    runtime.shutdown_background();
    watching.end()?;
    let Served {
        ledger,
        committing,
        archiving,
        checkpointing,
        scrubbing,
        stops,
    } = served?;
    ledger.shut_down();
    let committed = ended("committer", committing);
    drop(stops);
    // Where history or books failed, the committer knows only that something did.
    let checkpointed = ended("checkpointer", checkpointing);
    let scrubbed = scrubbing.join();
    ended("archiver", archiving)?;
    checkpointed?;
    committed?;
    scrubbed.map_err(|_| Failure::Refused("the scrubber has panicked".to_owned()))?;
    tracing::info!("everything is synced; good-bye");
    Ok(())
}

/// How a thread that writes has ended.
fn ended(name: &str, thread: Writing) -> Result<(), Failure> {
    match thread.join() {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::Refused(format!(
            "the {name} failed, nobody was answered since: {error}"
        ))),
        Err(_) => Err(Failure::Refused(format!("the {name} has panicked"))),
    }
}

impl Options {
    fn read(&self) -> Result<Config, Failure> {
        let flags = [
            ("--listen", "server", "listen", self.listen.as_deref()),
            (
                "--admin-listen",
                "server",
                "admin_listen",
                self.admin_listen.as_deref(),
            ),
            (
                "--public-url",
                "server",
                "public_url",
                self.public_url.as_deref(),
            ),
        ];
        let config = load(self.config.as_deref(), self.data.as_deref(), &flags)?;
        let admin = config.server.admin_listen;
        if admin.ip().is_loopback() || self.admin_insecure {
            return Ok(config);
        }
        Err(Failure::Usage(format!(
            "server.admin_listen {admin} is reached from other machines, where the admin key would \
             travel in the clear: use a loopback address such as 127.0.0.1:8701, or say \
             --admin-insecure"
        )))
    }
}

type Writing = JoinHandle<Result<(), String>>;

/// What was served with.
struct Served {
    ledger: Arc<Ledger>,
    committing: Writing,
    archiving: Writing,
    checkpointing: Writing,
    scrubbing: JoinHandle<()>,
    /// What stops the last three.
    stops: (ArchiverStop, CheckpointerStop, ScrubberStop),
}

/// Serves until a signal or a failure of the journal. The caller shuts the ledger down.
async fn serve(
    config: Config,
    reread: Reread,
    (public, admin): (Bound, Bound),
    books: Books,
    clock: Arc<dyn Clock>,
    with: With,
) -> Result<Served, Failure> {
    let signals = Signals::new().map_err(|error| Failure::of(&error))?;
    let reached = Reached::new(&config, public.address, admin.address);
    let (public, admin_listener) = (public.listen()?, admin.listen()?);
    let Books {
        ledger,
        committer,
        archiver: (archiver, archiver_stop),
        checkpointer: (checkpointer, checkpointer_stop),
        scrubber: (scrubber, scrubber_stop),
        backups,
        secret_key,
        data,
        admin_key,
        created,
    } = books;
    let admin = admin_of(&config, secret_key, &admin_key, backups, scrubber.scrubs());
    let settings = settings(&config, &reached)?;
    let (game, ids) = game(with, &reached, &clock);
    let attachments = Attachments::open(data).map_err(|error| Failure::of(&error))?;
    let joined = (admin, game, attachments);
    let state = state(&ledger, &clock, settings, joined, &config);
    reload_when_asked(reread, Arc::clone(&state))?;
    let (committing, committer_ends) = spawn("committer", || committer.run())?;
    let (archiving, archiver_ends) = spawn("archiver", || archiver.run())?;
    let (checkpointing, checkpointer_ends) = spawn("checkpointer", || checkpointer.run())?;
    let scrubbing = aside("scrubber", move || scrubber.run())?;
    let served = Served {
        ledger: Arc::clone(&ledger),
        committing,
        archiving,
        checkpointing,
        scrubbing,
        stops: (archiver_stop, checkpointer_stop, scrubber_stop),
    };
    let mut end = End {
        signals,
        committer_ends,
        archiver_ends,
        checkpointer_ends,
    };
    reached.tell(&config, created);
    let mut filled = None;
    if let With::Demo(Some(order)) = with {
        filled = fill_first(&ledger, order, &config.storage.data, &mut end).await?;
        if filled.is_none() {
            return Ok(served);
        }
    }
    let shutdown = async move { end.comes().await };
    let serving = tokio::spawn(http::serve(state, public, admin_listener, shutdown));
    let sending = Sending::begin(&ledger, &config);
    begin(&reached, with, filled, admin_key, (clock, ids)).await?;
    match serving.await.map_err(|panic| Failure::of(&panic))? {
        Ok(()) => {}
        // The committer knows more, and is asked next.
        Err(latched) => tracing::error!("{latched}"),
    }
    sending.end().await.map(|()| served)
}

/// Who tells merchants what becomes of their money, until it is ended.
struct Sending {
    over: oneshot::Sender<()>,
    sender: tokio::task::JoinHandle<()>,
}

impl Sending {
    fn begin(ledger: &Arc<Ledger>, config: &Config) -> Sending {
        let sender = Sender {
            ledger: Arc::clone(ledger),
            rules: config.postbacks.rules.clone(),
            teller: teller(config),
        };
        let (over, is_over) = oneshot::channel();
        let sender = tokio::spawn(sender.run(async { drop(is_over.await) }));
        Sending { over, sender }
    }

    async fn end(self) -> Result<(), Failure> {
        drop(self.over);
        self.sender.await.map_err(|panic| Failure::of(&panic))
    }
}

fn teller(config: &Config) -> Teller {
    let postbacks = &config.postbacks;
    let patience = postbacks.timeout.duration();
    Teller::new(postbacks.allow_private_addresses, patience, web_roots())
}

/// What the admin API needs besides the ledger.
fn admin_of(
    config: &Config,
    secret_key: Arc<SecretKey>,
    admin_key: &Secret,
    backups: Arc<Backups>,
    scrubs: Arc<Scrubs>,
) -> Admin {
    let is_loopback = config.server.admin_listen.ip().is_loopback();
    let failures_max = config.limits.failed_authentications_per_minute_max;
    Admin {
        secret_key,
        games: config.games.clone(),
        session_ttl: config.wallet.session_ttl,
        guard: AdminGuard::new(admin_key, is_loopback, failures_max),
        backups,
        scrubs,
        teller: teller(config),
    }
}

fn state(
    ledger: &Arc<Ledger>,
    clock: &Arc<dyn Clock>,
    settings: Settings,
    (admin, game, attachments): (Admin, Option<Box<dyn Game>>, Attachments),
    config: &Config,
) -> Arc<State> {
    let failures_max = settings.limits.failed_authentications_per_minute_max;
    let secret_key = || Arc::clone(&admin.secret_key);
    let partner_guard = PartnerGuard::new(secret_key(), failures_max);
    let gateway = Gateway::new(secret_key(), failures_max, config.paykassma.clone());
    Arc::new(State {
        ledger: Arc::clone(ledger),
        clock: Arc::clone(clock),
        settings,
        admin,
        meters: Meters::default(),
        partner_guard,
        game,
        gateway,
        attachments,
    })
}

/// Starts a thread without which the server goes on.
fn aside(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map_err(|error| Failure::of(&error))
}

/// What a person plays in a demo, and ids for all who play there. Microseconds since 1970 are far
/// above the samples' ids, and no play is so fast that the next start's numbers would meet them.
fn game(with: With, reached: &Reached, clock: &Arc<dyn Clock>) -> (Option<Box<dyn Game>>, Ids) {
    let ids = Ids::new(TransactionId(clock.now().micros()));
    let people = || {
        let public = reached.callable.public.to_string();
        Box::new(People::new(public, Arc::clone(clock), ids.clone())) as Box<dyn Game>
    };
    ((with != With::Nothing).then(people), ids)
}

/// Fills the books before anybody is served; `None` where the end comes first.
async fn fill_first(
    ledger: &Arc<Ledger>,
    order: Order,
    data: &Path,
    end: &mut End,
) -> Result<Option<Filled>, Failure> {
    tokio::select! {
        biased;
        () = end.comes() => Ok(None),
        filled = fill(Arc::clone(ledger), order, data) => match filled {
            // The committer knows more, and is asked next.
            Err(_) if ledger.is_latched() => Ok(None),
            filled => filled.map(Some),
        },
    }
}

/// What is configured about serving.
fn settings(config: &Config, reached: &Reached) -> Result<Settings, Failure> {
    let texts =
        Texts::new(&config.wallet.texts).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(Settings {
        wording: Wording {
            texts,
            utc_offset: config.server.utc_offset,
        },
        trusted_proxies: config.server.trusted_proxies.clone(),
        payments: config.payments.clone(),
        rates: config.rates.clone(),
        public_url: reached.public_url.clone(),
        limits: config.limits,
    })
}

/// Says that all is ready, with sample data in it where that is wanted.
async fn begin(
    reached: &Reached,
    with: With,
    filled: Option<Filled>,
    admin_key: Secret,
    (clock, ids): (Arc<dyn Clock>, Ids),
) -> Result<(), Failure> {
    let ready = serde_json::to_string(reached).expect("a struct of texts is JSON");
    if with == With::Nothing {
        return output::print(&ready);
    }
    let Callable { public, admin } = reached.callable;
    let demo = Demo::prepare(admin, (public, &reached.public_url), admin_key, clock, ids).await?;
    output::print(&ready)?;
    output::print(&demo.samples())?;
    if let Some(filled) = filled {
        output::print(&filled.told(&reached.public_url))?;
    }
    // It plays until the process ends.
    drop(tokio::spawn(demo.play()));
    Ok(())
}

/// Where the server is reached, and the ready line.
#[derive(Serialize)]
struct Reached {
    event: &'static str,
    public: String,
    admin: String,
    public_url: String,
    data: String,
    #[serde(skip)]
    callable: Callable,
}

/// Both addresses, as this machine reaches them.
#[derive(Clone, Copy)]
struct Callable {
    public: SocketAddr,
    admin: SocketAddr,
}

impl Reached {
    fn new(config: &Config, public: SocketAddr, admin: SocketAddr) -> Reached {
        let public_url = config.server.public_url.clone();
        let callable = Callable {
            public: callable(public),
            admin: callable(admin),
        };
        Reached {
            event: "ready",
            public_url: public_url.unwrap_or_else(|| format!("http://{}", callable.public)),
            public: format!("http://{public}"),
            admin: format!("http://{admin}"),
            callable,
            data: config.storage.data.display().to_string(),
        }
    }

    fn tell(&self, config: &Config, created: bool) {
        if config.server.public_url.is_none() && config.server.listen.ip().is_unspecified() {
            tracing::warn!(
                public_url = self.public_url,
                "Wallet URLs are told with an address that only this machine reaches: set \
                 server.public_url to what game servers call"
            );
        }
        if !created {
            return;
        }
        let key = config.storage.data.join(KEY_FILE);
        tracing::info!(
            public_url = self.public_url,
            admin = self.admin,
            admin_key = %key.display(),
            "created the books"
        );
    }
}

/// What to call an address by: one that stands for all addresses of the machine is none itself.
fn callable(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, at.port())
}

/// An address that is this process's and not listened on yet: nobody is kept waiting there while
/// the books are opened.
struct Bound {
    key: &'static str,
    socket: TcpSocket,
    address: SocketAddr,
}

impl Bound {
    fn new(key: &'static str, at: SocketAddr) -> Result<Bound, Failure> {
        let bound = || {
            let socket = match at {
                SocketAddr::V4(_) => TcpSocket::new_v4()?,
                SocketAddr::V6(_) => TcpSocket::new_v6()?,
            };
            // Connections of an earlier server that still end do not keep the port.
            socket.set_reuseaddr(true)?;
            socket.bind(at)?;
            let address = socket.local_addr()?;
            Ok(Bound {
                key,
                socket,
                address,
            })
        };
        bound().map_err(|error| cannot_listen(key, at, &error))
    }

    /// Begins to listen, on the runtime that calls.
    fn listen(self) -> Result<TcpListener, Failure> {
        let listening = self.socket.listen(BACKLOG);
        listening.map_err(|error| cannot_listen(self.key, self.address, &error))
    }
}

fn cannot_listen(key: &str, at: SocketAddr, error: &io::Error) -> Failure {
    Failure::Refused(format!("cannot listen on {key} {at}: {error}"))
}

/// Runs one that writes in a thread of its own; the receiver ends with it.
fn spawn<E: std::error::Error>(
    name: &str,
    run: impl FnOnce() -> Result<(), E> + Send + 'static,
) -> Result<(Writing, oneshot::Receiver<()>), Failure> {
    let (ends, ended) = oneshot::channel();
    let writing = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            // Dropped at the end, whatever the end is.
            let _ends = ends;
            run().map_err(|error| described(&error))
        })
        .map_err(|error| Failure::of(&error))?;
    Ok((writing, ended))
}

/// What ends the serving.
struct End {
    signals: Signals,
    committer_ends: oneshot::Receiver<()>,
    archiver_ends: oneshot::Receiver<()>,
    checkpointer_ends: oneshot::Receiver<()>,
}

impl End {
    /// Completes when the end has come: to be awaited until then, and not again.
    async fn comes(&mut self) {
        tokio::select! {
            name = self.signals.next() => tracing::info!("{name}: finishing what is in flight"),
            // Also when it panicked: the sender is gone then.
            _ = &mut self.committer_ends => {}
            _ = &mut self.archiver_ends => {}
            _ = &mut self.checkpointer_ends => {}
        }
    }
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Signals> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
