//! The thin client of the admin API: where the server is, which key opens it, one call.

use std::path::PathBuf;

use clap::Args;
use hyper::StatusCode;
use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;
use super::number::whole;
use super::output;
use crate::config::{Config, FlagGiven};
use crate::http::client::{Call, Connection, Streamed};
use crate::protocol::admin::{Fault, Method, Operation, PageWanted, encode_query};
use crate::secret::Secret;

/// Where a server listens that was told nothing else.
const DEFAULT_ADMIN: &str = "http://127.0.0.1:8701";

/// The admin key's name in the data directory.
pub(super) const KEY_FILE: &str = "admin.key";

/// Where the server is and which key opens it.
#[derive(Args)]
pub(super) struct AdminOptions {
    /// The server's admin address [environment: COFFER_ADMIN] [default: http://127.0.0.1:8701]
    #[arg(long, global = true, value_name = "URL")]
    admin: Option<String>,
    /// The admin key [environment: COFFER_ADMIN_KEY] [default: what {data}/admin.key holds]
    #[arg(long, global = true, value_name = "KEY")]
    key: Option<String>,
    /// The server's data directory, to read the admin key from
    #[arg(long, global = true, value_name = "DIR")]
    data: Option<String>,
    /// The server's configuration, to find the data directory by
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

/// A page of a list.
#[derive(Args)]
pub(super) struct PageOptions {
    /// How many items, 1 to 1000
    #[arg(long, default_value_t = 100, value_parser = whole::<u64>(1..=1000))]
    limit: u64,
    /// Where to begin: the `next` of the page before
    #[arg(long, value_parser = cursor)]
    cursor: Option<u64>,
}

impl From<PageOptions> for PageWanted {
    fn from(page: PageOptions) -> PageWanted {
        PageWanted {
            limit: page.limit,
            cursor: page.cursor,
        }
    }
}

/// Where the data directory lies that a command reads without a server.
#[derive(Args)]
pub(super) struct DirectoryOptions {
    /// The data directory, of which no server is running [default: ./coffer-data]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// The configuration, to find the data directory by
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl DirectoryOptions {
    /// What is configured, the data directory with it.
    pub(super) fn load(&self) -> Result<Config, Failure> {
        load(self.config.as_deref(), self.data.as_deref(), &[])
    }
}

fn cursor(text: &str) -> Result<u64, &'static str> {
    let wrong = "must be the `next` of the page before";
    text.parse().map_err(|_| wrong)
}

/// A server's admin API.
pub(super) struct Admin {
    connection: Connection,
    key: Secret,
}

impl Admin {
    /// Connects to the server at `authority`.
    pub(super) async fn connect(authority: &str, key: Secret) -> Result<Admin, Failure> {
        let connection = Connection::open(authority).await?;
        Ok(Admin { connection, key })
    }

    /// Asks for `operation` and gives back the answer's body.
    pub(super) async fn ask(
        &mut self,
        operation: Operation,
        request: &impl Serialize,
    ) -> Result<Vec<u8>, Failure> {
        let (path, body) = asking(operation, request);
        let call = Call {
            method: operation.route().0.as_str(),
            path: &path,
            bearer: Some(&self.key),
            body,
        };
        let (status, body) = self.connection.call(call).await?;
        if status.is_success() {
            return Ok(body.to_vec());
        }
        Err(refused(status, &body))
    }

    /// Asks for `operation` and gives back the answer's beginning, the rest to be read from it.
    pub(super) async fn stream(
        &mut self,
        operation: Operation,
        request: &impl Serialize,
    ) -> Result<Streamed, Failure> {
        let (path, body) = asking(operation, request);
        let call = Call {
            method: operation.route().0.as_str(),
            path: &path,
            bearer: Some(&self.key),
            body,
        };
        let mut answer = self.connection.stream(call).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        // A fault is told in few bytes.
        let mut body = Vec::new();
        while let Some(bytes) = answer.next().await? {
            body.extend_from_slice(&bytes);
        }
        Err(refused(answer.status, &body))
    }
}

/// The path with its query, and the body.
fn asking(operation: Operation, request: &impl Serialize) -> (String, Vec<u8>) {
    let (method, path) = operation.route();
    match method {
        Method::Get => (format!("{path}{}", encode_query(request)), Vec::new()),
        Method::Post => {
            let body = serde_json::to_vec(request);
            (path.to_owned(), body.expect("a request is made of texts"))
        }
    }
}

fn refused(status: StatusCode, body: &[u8]) -> Failure {
    let reason = Fault::message_in(body);
    Failure::Refused(reason.unwrap_or_else(|| {
        format!("the server answered {status}, which no admin API of coffer does")
    }))
}

impl AdminOptions {
    /// Asks once, and prints the answer as it came or as `text` makes it.
    pub(super) fn print(
        &self,
        json: bool,
        operation: Operation,
        request: &impl Serialize,
        text: impl Fn(&Value) -> String,
    ) -> Result<(), Failure> {
        let answer = run(async {
            let mut admin = self.open().await?;
            admin.ask(operation, request).await
        })?;
        let whole = |fault| Failure::Refused(format!("the answer is no JSON: {fault}"));
        if json {
            let answer = String::from_utf8(answer).map_err(|fault| whole(fault.to_string()))?;
            return output::print(&answer);
        }
        let answer = serde_json::from_slice(&answer).map_err(|fault| whole(fault.to_string()))?;
        output::print(&text(&answer))
    }

    /// Connects to the server.
    pub(super) async fn open(&self) -> Result<Admin, Failure> {
        let authority = self.authority()?;
        // Who has no key learns first whether there is a server at all.
        let connection = Connection::open(&authority).await?;
        let key = self.key()?;
        Ok(Admin { connection, key })
    }

    /// The data directory that was named, and what is configured for it.
    pub(super) fn data(&self) -> Result<Option<Config>, Failure> {
        let data = self.data.as_deref();
        let load = |data| load(self.config.as_deref(), Some(data), &[]);
        data.map(load).transpose()
    }

    /// Host and port of the admin address.
    fn authority(&self) -> Result<String, Failure> {
        let from_environment = || std::env::var("COFFER_ADMIN").ok();
        let url = self.admin.clone().or_else(from_environment);
        let url = url.unwrap_or_else(|| DEFAULT_ADMIN.to_owned());
        let wrong = || {
            Failure::Usage(format!(
                "the admin address must be such as {DEFAULT_ADMIN}, not {url:?}"
            ))
        };
        let rest = url.strip_prefix("http://").ok_or_else(wrong)?;
        let authority: hyper::http::uri::Authority =
            rest.trim_end_matches('/').parse().map_err(|_| wrong())?;
        if authority.as_str().contains('@') {
            return Err(wrong());
        }
        Ok(match authority.port() {
            Some(_) => authority.to_string(),
            None => format!("{authority}:80"),
        })
    }

    fn key(&self) -> Result<Secret, Failure> {
        let from_environment = || std::env::var("COFFER_ADMIN_KEY").ok();
        let text = match self.key.clone().or_else(from_environment) {
            Some(key) => key,
            None => {
                let config = load(self.config.as_deref(), self.data.as_deref(), &[])?;
                let path = config.storage.data.join(KEY_FILE);
                std::fs::read_to_string(&path).map_err(|error| {
                    Failure::Usage(format!(
                        "there is no --key, no COFFER_ADMIN_KEY, and {} cannot be read: {error}",
                        path.display()
                    ))
                })?
            }
        };
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            let reason = "the admin key must be printable characters without spaces";
            return Err(Failure::Usage(reason.to_owned()));
        }
        Ok(Secret::new(text.to_owned()))
    }
}

/// Does what a command does with a server.
pub(super) fn run<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::of(&error))?;
    runtime.block_on(work)
}

/// Reads the configuration, with `--data` and other flags over the rest.
pub(super) fn load(
    file: Option<&std::path::Path>,
    data: Option<&str>,
    flags: &[(&'static str, &'static str, &'static str, Option<&str>)],
) -> Result<Config, Failure> {
    let data = ("--data", "storage", "data", data);
    let given = flags.iter().chain([&data]);
    let given: Vec<FlagGiven> = given
        .filter_map(|&(flag, section, key, value)| {
            let value = value?.to_owned();
            Some(FlagGiven {
                flag,
                section,
                key,
                value,
            })
        })
        .collect();
    // Variables that are no text are no settings of ours, which all have names and values in ASCII.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Ok(Config::load(file, environment, &given)?)
}
