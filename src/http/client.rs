//! Calls that coffer itself makes: one connection, plain HTTP/1.1, each answer read whole or, where
//! it may be long, piece by piece.

use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use crate::secret::Secret;

/// How long the other side may take to take a connection, to answer a request, and to go on with
/// a streamed answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to one server.
pub struct Connection {
    authority: String,
    requests: SendRequest<Full<Bytes>>,
}

/// What is asked.
pub struct Call<'a> {
    /// The method's name.
    pub method: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Goes into `Authorization`, where there is one.
    pub bearer: Option<&'a Secret>,
    /// The body, JSON.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum ClientError {
    /// Nobody takes connections there.
    Unreachable {
        /// The address called.
        authority: String,
        /// What the machine said.
        source: io::Error,
    },
    /// The connection ended under way: whether anything was done is not known.
    Broken {
        /// The address called.
        authority: String,
        /// What went wrong.
        source: hyper::Error,
    },
    /// The answer did not come in time: whether anything was done is not known.
    TooSlow {
        /// The address called.
        authority: String,
    },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Unreachable { authority, .. } => {
                write!(f, "no server is reached at {authority}")
            }
            ClientError::Broken { authority, .. } => {
                write!(
                    f,
                    "the connection to {authority} broke before the end of its answer"
                )
            }
            ClientError::TooSlow { authority } => write!(f, "{authority} does not answer in time"),
        }
    }
}

impl std::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ClientError::Unreachable { source, .. } => Some(source),
            ClientError::Broken { source, .. } => Some(source),
            ClientError::TooSlow { .. } => None,
        }
    }
}

impl Connection {
    /// Connects to `authority`, a host and a port. To be called within a runtime.
    ///
    /// # Errors
    /// Nobody takes the connection.
    pub async fn open(authority: &str) -> Result<Connection, ClientError> {
        let unreachable = |source| ClientError::Unreachable {
            authority: authority.to_owned(),
            source,
        };
        let stream = timeout(PATIENCE, TcpStream::connect(authority))
            .await
            .map_err(|_| unreachable(io::ErrorKind::TimedOut.into()))?
            .map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let (requests, connection) =
            handshake(TokioIo::new(stream))
                .await
                .map_err(|source| ClientError::Broken {
                    authority: authority.to_owned(),
                    source,
                })?;
        // What goes wrong with the connection is told to the request that waits on it.
        drop(tokio::spawn(connection));
        Ok(Connection {
            authority: authority.to_owned(),
            requests,
        })
    }

    /// Asks and reads the whole answer.
    ///
    /// # Errors
    /// The connection broke, or the answer did not come in time. The connection is of no use
    /// from then on.
    ///
    /// # Panics
    /// Where path or bearer hold what no header may hold.
    pub async fn call(&mut self, call: Call<'_>) -> Result<(StatusCode, Bytes), ClientError> {
        let request = self.request(call);
        let exchange = async {
            let response = self.send(request).await?;
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            Ok((status, body))
        };
        let answer = timeout(PATIENCE, exchange).await;
        within_patience(&self.authority, answer)
    }

    /// Asks, and reads the answer's head alone.
    ///
    /// # Errors
    /// As [`Connection::call`].
    ///
    /// # Panics
    /// As there.
    pub async fn stream(&mut self, call: Call<'_>) -> Result<Streamed, ClientError> {
        let request = self.request(call);
        let answer = timeout(PATIENCE, self.send(request)).await;
        let response = within_patience(&self.authority, answer)?;
        let (head, body) = response.into_parts();
        Ok(Streamed {
            status: head.status,
            headers: head.headers,
            body,
            authority: self.authority.clone(),
        })
    }

    fn request(&self, call: Call<'_>) -> Request<Full<Bytes>> {
        let mut request = Request::builder()
            .method(call.method)
            .uri(call.path)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(key) = call.bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", key.expose()));
        }
        request
            .body(Full::new(Bytes::from(call.body)))
            .expect("the caller gives a path and a key that are visible ASCII")
    }

    async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        self.requests.ready().await?;
        self.requests.send_request(request).await
    }
}

/// An answer whose body is read piece by piece.
pub struct Streamed {
    /// The answer's status.
    pub status: StatusCode,
    /// The answer's headers.
    pub headers: HeaderMap,
    body: Incoming,
    authority: String,
}

impl Streamed {
    /// Some more of the body; `None` where it has ended and is whole.
    ///
    /// # Errors
    /// The connection broke, or the rest did not come in time: what was read is not all.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        loop {
            let frame = timeout(PATIENCE, self.body.frame()).await;
            let frame = within_patience(&self.authority, frame.map(Option::transpose))?;
            match frame.map(|frame| frame.into_data()) {
                None => return Ok(None),
                Some(Ok(bytes)) => return Ok(Some(bytes)),
                // Trailers say nothing here.
                Some(Err(_)) => {}
            }
        }
    }
}

fn within_patience<T>(
    authority: &str,
    answer: Result<hyper::Result<T>, Elapsed>,
) -> Result<T, ClientError> {
    let authority = authority.to_owned();
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(source)) => Err(ClientError::Broken { authority, source }),
        Err(_) => Err(ClientError::TooSlow { authority }),
    }
}
