//! The admin API's routes.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use hyper::http::request::Parts;

use super::State;
use super::reply::not_found;
use crate::ledger::Latched;

/// Answers a request under `/admin/v1/`.
///
/// # Errors
/// [`Latched`]: the connection closes without a byte.
pub(crate) async fn answer(
    _state: &Arc<State>,
    _peer: IpAddr,
    _request: Parts,
    _body: Bytes,
) -> Result<Response<Full<Bytes>>, Latched> {
    Ok(not_found())
}
