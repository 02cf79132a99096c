//! One try to tell a merchant something: resolved, checked, connected, sent, and what came back.
//!
//! The address that was checked is the one that is connected to. Nothing that comes back is
//! followed, and no more of it is read than an acknowledgement takes.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::Builder;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::reach::is_public;
use crate::engine::postback::Answer;
use crate::id::PostbackUrl;

/// Bytes of an answer that are read.
const ANSWER_BYTES_MAX: usize = 4096;

/// Bytes of an answer's head, and how many lines it may have.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 3;

/// Tells merchants.
#[derive(Clone)]
pub struct Teller {
    tls: TlsConnector,
    may_be_private: bool,
    patience: Duration,
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teller")
            .field("may_be_private", &self.may_be_private)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// Why there is no answer.
enum NoAnswer {
    /// What the address names cannot be called.
    Address(&'static str),
    /// The machine said so.
    Io(&'static str, io::Error),
    /// What came is no answer.
    Http(hyper::Error),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoAnswer::Address(what) => f.write_str(what),
            NoAnswer::Io(what, error) => write!(f, "{what}: {error}"),
            NoAnswer::Http(error) => write!(f, "no HTTP answer: {error}"),
        }
    }
}

impl From<hyper::Error> for NoAnswer {
    fn from(error: hyper::Error) -> NoAnswer {
        NoAnswer::Http(error)
    }
}

/// Whom an address names.
struct Named {
    host: String,
    port: u16,
    is_tls: bool,
    authority: String,
    path: String,
}

impl Named {
    fn of(url: &PostbackUrl) -> Option<Named> {
        let uri: Uri = url.as_str().parse().ok()?;
        let is_tls = uri.scheme_str()? == "https";
        let host = uri.host()?;
        let in_brackets = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        Some(Named {
            host: in_brackets.unwrap_or(host).to_owned(),
            port: uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            is_tls,
            authority: uri.authority()?.to_string(),
            path: match uri.path_and_query().map_or("/", |path| path.as_str()) {
                query if query.starts_with('?') => format!("/{query}"),
                path => path.to_owned(),
            },
        })
    }
}

/// The certificates that the web goes by.
pub fn web_roots() -> RootCertStore {
    RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    }
}

impl Teller {
    /// Tells merchants, each within `patience`; those at private addresses too where they may be
    /// called. `roots` are whom certificates are believed by.
    ///
    /// # Panics
    /// Never: what is offered in TLS is what the library offers.
    pub fn new(may_be_private: bool, patience: Duration, roots: RootCertStore) -> Teller {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the library has ciphers for its own versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Teller {
            tls: TlsConnector::from(Arc::new(config)),
            may_be_private,
            patience,
        }
    }

    /// Tells it, once. To be called within a runtime.
    pub async fn tell(&self, url: &PostbackUrl, body: &str) -> Answer {
        let tried = timeout(self.patience, self.tried(url, body));
        match tried.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => Answer::new(false, None, &error.to_string()),
            Err(_) => Answer::new(false, None, "no whole answer in time"),
        }
    }

    async fn tried(&self, url: &PostbackUrl, body: &str) -> Result<Answer, NoAnswer> {
        let unfit = NoAnswer::Address("no request can be made of the address");
        let named = Named::of(url).ok_or(unfit)?;
        let addresses = self.addresses(&named).await?;
        let stream = connected(&addresses).await?;
        if !named.is_tls {
            return exchange(stream, &named, body).await;
        }
        let name = ServerName::try_from(named.host.clone());
        let name = name.map_err(|_| NoAnswer::Address("no certificate can name the host"))?;
        let stream = self.tls.connect(name, stream).await;
        let stream = stream.map_err(|error| NoAnswer::Io("no TLS", error))?;
        exchange(stream, &named, body).await
    }

    /// The addresses that may be connected to.
    async fn addresses(&self, named: &Named) -> Result<Vec<SocketAddr>, NoAnswer> {
        let found = lookup_host((named.host.as_str(), named.port)).await;
        let found = found.map_err(|error| NoAnswer::Io("the name leads nowhere", error))?;
        let may = |address: &SocketAddr| self.may_be_private || is_public(address.ip());
        let addresses: Vec<_> = found.filter(may).take(ADDRESSES_MAX).collect();
        match addresses.is_empty() {
            true => Err(NoAnswer::Address(
                "the name leads to private addresses alone; see postbacks.allow_private_addresses",
            )),
            false => Ok(addresses),
        }
    }
}

async fn connected(addresses: &[SocketAddr]) -> Result<TcpStream, NoAnswer> {
    let mut failed = NoAnswer::Address("the name leads nowhere");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failed = NoAnswer::Io("no connection", error),
        }
    }
    Err(failed)
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    named: &Named,
    body: &str,
) -> Result<Answer, NoAnswer> {
    let mut builder = Builder::new();
    builder
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX);
    let (mut requests, connection) = builder.handshake(TokioIo::new(stream)).await?;
    let connection = Ending(tokio::spawn(async {
        // What goes wrong is told to who waits for the answer.
        drop(connection.await);
    }));
    let request = Request::post(&named.path)
        .header(header::HOST, &named.authority)
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::USER_AGENT,
            concat!("coffer/", env!("CARGO_PKG_VERSION")),
        )
        .header(header::CONNECTION, "close")
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())));
    let request =
        request.map_err(|_| NoAnswer::Address("no request can be made of the address"))?;
    let response = requests.send_request(request).await?;
    let status = response.status();
    let (mut answer, mut rest) = (Vec::new(), response.into_body());
    let mut is_whole = true;
    while let Some(frame) = rest.frame().await {
        let Ok(bytes) = frame?.into_data() else {
            continue;
        };
        answer.extend_from_slice(&bytes);
        if answer.len() > ANSWER_BYTES_MAX {
            answer.truncate(ANSWER_BYTES_MAX);
            is_whole = false;
            break;
        }
    }
    drop(connection);
    let taken = is_whole && is_taken(status, &answer);
    let text = String::from_utf8_lossy(&answer);
    Ok(Answer::new(taken, Some(status.as_u16()), &text))
}

/// Ends a connection with whoever waits on it.
struct Ending(tokio::task::JoinHandle<()>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether an answer ends the telling: 200, and a JSON object whose `status` is `ok` in any case.
fn is_taken(status: StatusCode, body: &[u8]) -> bool {
    let body: Option<serde_json::Value> = serde_json::from_slice(body).ok();
    let said = body.as_ref().and_then(|body| body.get("status"));
    let said = said.and_then(serde_json::Value::as_str);
    status == StatusCode::OK && said.is_some_and(|said| said.eq_ignore_ascii_case("ok"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ok_in_a_json_object_of_a_200_ends_the_telling() {
        for (status, body, taken) in [
            (200, r#"{"status":"ok"}"#, true),
            (200, r#" {"status":"OK","more":[1]} "#, true),
            (200, r#"{"status":"Ok"}"#, true),
            (201, r#"{"status":"ok"}"#, false),
            (302, r#"{"status":"ok"}"#, false),
            (500, r#"{"status":"ok"}"#, false),
            (200, r#"{"status":"okay"}"#, false),
            (200, r#"{"status":null}"#, false),
            (200, r#"{"status":true}"#, false),
            (200, r#"{}"#, false),
            (200, r#"["ok"]"#, false),
            (200, r#""ok""#, false),
            (200, "ok", false),
            (200, "null", false),
            (200, "", false),
            (200, r#"{"status":"ok"}{"#, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_taken(status, body.as_bytes()), taken, "{status} {body}");
        }
    }

    #[test]
    fn an_address_names_host_port_and_path() {
        for (url, host, port, path) in [
            ("http://shop.example.com", "shop.example.com", 80, "/"),
            (
                "https://shop.example.com/a?b=c",
                "shop.example.com",
                443,
                "/a?b=c",
            ),
            ("https://[2001:db8::7]:8443/x", "2001:db8::7", 8443, "/x"),
            ("https://192.0.2.7?x", "192.0.2.7", 443, "/?x"),
        ] {
            let named = Named::of(&url.parse().unwrap()).unwrap();
            let of = (&*named.host, named.port, &*named.path);
            assert_eq!(of, (host, port, path), "{url}");
        }
    }
}
