//! The admin API joined to the ledger: who may ask, what is asked, the wait before the answer.
//!
//! Nothing leaves before the entry that it depends on is durable, refusals included.

mod backups;
mod deposits;
mod exports;
mod guard;
mod orders;
mod partners;
mod payments;
mod players;
mod postbacks;
mod rates;
mod reports;
mod sessions;
mod withdrawals;

pub use guard::AdminGuard;

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use hyper::Response;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::http::request::Parts;

use super::State;
use super::body::Answer;
use super::sender::Teller;
use crate::config::Games;
use crate::id::Seq;
use crate::journal::Backups;
use crate::ledger::{Latched, Ledger, OperatorError, Scrubs};
use crate::protocol::admin::{Fault, Found, Malformed, Members, Method, Operation};
use crate::secret::SecretKey;
use crate::time::Span;

/// What the admin API needs besides the ledger.
pub struct Admin {
    /// Hashes and seals partners' secrets.
    pub secret_key: Arc<SecretKey>,
    /// The game types, for launch URLs.
    pub games: Games,
    /// How long a session lives where nothing else is said.
    pub session_ttl: Span,
    /// Lets the operator in.
    pub guard: AdminGuard,
    /// Makes backups.
    pub backups: Arc<Backups>,
    /// What the last round over history and books came to.
    pub scrubs: Arc<Scrubs>,
    /// Sends samples of postbacks.
    pub teller: Teller,
}

/// An operation done: the answer, which may be told when `seq` is durable.
struct Done {
    body: Answer,
    content_type: &'static str,
    headers: Vec<(HeaderName, HeaderValue)>,
    seq: Seq,
}

/// An operation not done.
struct Failed {
    fault: Fault,
    /// What was looked at to say so.
    seq: Seq,
    header: Option<(HeaderName, HeaderValue)>,
}

const JSON: &str = "application/json";

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Failed {
        Failed {
            fault,
            seq: Seq::NONE,
            header: None,
        }
    }
}

impl From<Malformed> for Failed {
    fn from(malformed: Malformed) -> Failed {
        Failed::from(Fault::Malformed(malformed))
    }
}

impl From<OperatorError> for Failed {
    fn from(error: OperatorError) -> Failed {
        match error {
            OperatorError::Refused(refusal, seq) => Failed {
                seq,
                ..Failed::from(Fault::Refused(refusal))
            },
            OperatorError::Unavailable => Failed::from(Fault::Unavailable),
            OperatorError::Journal(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the journal could not be read");
                Failed::from(Fault::JournalUnreadable)
            }
        }
    }
}

/// Reads what may lie on the disk, in a thread that may wait for it.
async fn reading<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, OperatorError> + Send + 'static,
) -> Result<T, Failed> {
    let read = tokio::task::spawn_blocking(read).await;
    Ok(read.expect("a panic in the ledger ends the process")?)
}

/// The answer to a caller who must not ask at `/admin/v1/`; none to who may. Only the head is
/// looked at.
pub(crate) fn turned_away(state: &State, peer: IpAddr, head: &Parts) -> Option<Response<Answer>> {
    let admitted = state.admin.guard.admit(peer, head);
    admitted.err().map(Failed::response)
}

/// The answer of the admin address to what no operation is asked with, in the API's one shape.
pub(crate) fn refusal(fault: Fault) -> Response<Answer> {
    Failed::from(fault).response()
}

/// Answers one request to `/admin/v1/` that is not turned away and whose body was read whole.
///
/// # Errors
/// The journal failed under way: the connection must close without a byte.
pub(crate) async fn answer(
    state: &Arc<State>,
    request: Parts,
    body: Bytes,
) -> Result<Response<Answer>, Latched> {
    let (status, done) = match perform(state, &request, &body).await {
        Ok(done) => (200, done),
        Err(failed) => failed.told(),
    };
    state.ledger.durable(done.seq).await?;
    Ok(done.response(status))
}

impl Failed {
    /// The status, and what is told with it.
    fn told(self) -> (u16, Done) {
        let told = Done {
            body: Answer::whole(self.fault.encode()),
            content_type: JSON,
            headers: self.header.into_iter().collect(),
            seq: self.seq,
        };
        (self.fault.status(), told)
    }

    /// The answer, where it says nothing about any entry.
    fn response(self) -> Response<Answer> {
        let (status, done) = self.told();
        done.response(status)
    }
}

impl Done {
    /// The answer, to be sent when `seq` is durable.
    fn response(self, status: u16) -> Response<Answer> {
        let mut response = Response::builder()
            .status(status)
            .header(header::CONTENT_TYPE, self.content_type)
            .header(header::CACHE_CONTROL, "no-store");
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response
            .body(self.body)
            .expect("status and headers are well formed")
    }
}

async fn perform(state: &Arc<State>, request: &Parts, body: &[u8]) -> Result<Done, Failed> {
    let operation = match Operation::find(request.method.as_str(), request.uri.path()) {
        Found::Operation(operation) => operation,
        Found::Nothing => return Err(Failed::from(Fault::PathUnknown)),
        Found::OtherMethods(allowed) => {
            return Err(Failed {
                header: Some((header::ALLOW, HeaderValue::from_static(allowed))),
                ..Failed::from(Fault::MethodNotAllowed)
            });
        }
    };
    let members = match operation.route().0 {
        Method::Get => Members::decode_query(request.uri.query().unwrap_or_default())?,
        Method::Post => Members::decode_body(body)?,
    };
    let ledger: &Ledger = &state.ledger;
    match operation {
        Operation::CreatePartner => partners::create(state, members),
        Operation::ListPartners => partners::list(state, members),
        Operation::ShowPartner => partners::show(state, members),
        Operation::UpdatePartner => partners::update(state, members),
        Operation::RotateSecret => partners::rotate_secret(state, members),
        Operation::DisablePartner => partners::set_disabled(state, members, true),
        Operation::EnablePartner => partners::set_disabled(state, members, false),
        Operation::CreatePlayer => players::create(ledger, members),
        Operation::ShowPlayer => players::show(ledger, members),
        Operation::BlockPlayer => players::set_blocked(ledger, members, true),
        Operation::UnblockPlayer => players::set_blocked(ledger, members, false),
        Operation::AdjustPlayer => players::adjust(ledger, members),
        Operation::PlayerHistory => players::history(&state.ledger, members).await,
        Operation::OpenSession => sessions::open(state, members),
        Operation::ShowSession => sessions::show(ledger, members),
        Operation::CloseSession => sessions::close(ledger, members),
        Operation::ReceivePayment => payments::receive(state, members),
        Operation::ListPayments => payments::list(&state.ledger, members).await,
        Operation::ListOrders => orders::list(state, members).await,
        Operation::ShowOrder => orders::show(state, members),
        Operation::ApproveOrder => orders::approve(state, members),
        Operation::RejectOrder => orders::reject(state, members),
        Operation::CancelOrder => orders::cancel(state, members),
        Operation::ListDeposits => deposits::list(state, members).await,
        Operation::ShowDeposit => deposits::show(state, members),
        Operation::DepositScreenshot => deposits::screenshot(state, members).await,
        Operation::ApproveDeposit => deposits::approve(state, members),
        Operation::RejectDeposit => deposits::reject(state, members),
        Operation::ListWithdrawals => withdrawals::list(state, members).await,
        Operation::ShowWithdrawal => withdrawals::show(state, members).await,
        Operation::ApproveWithdrawal => withdrawals::approve(state, members).await,
        Operation::RejectWithdrawal => withdrawals::reject(state, members).await,
        Operation::ListPostbacks => postbacks::list(state, members).await,
        Operation::ShowPostback => postbacks::show(state, members).await,
        Operation::RetryPostback => postbacks::retry(state, members).await,
        Operation::TestPostback => postbacks::test(state, members).await,
        Operation::ShowRates => rates::show(state, members),
        Operation::SetRates => rates::set(state, members),
        Operation::TrialBalance => reports::trial_balance(&state.ledger, members).await,
        Operation::OpenRounds => reports::open_rounds(&state.ledger, members).await,
        Operation::Anomalies => reports::anomalies(&state.ledger, members).await,
        Operation::Revenue => reports::revenue(&state.ledger, members).await,
        Operation::Integrity => reports::integrity(state, members),
        Operation::ExportJournal => exports::journal(&state.ledger, members).await,
        Operation::ExportTransactions => exports::transactions(&state.ledger, members).await,
        Operation::ExportPlayers => exports::players(&state.ledger, members).await,
        Operation::BackUp => backups::begin(&state.admin.backups, members),
        Operation::ShowBackup => backups::show(&state.admin.backups, members),
    }
}

/// The answer's body of a reply that depends on `seq`.
fn done(reply: &impl serde::Serialize, seq: Seq) -> Done {
    let body = serde_json::to_vec(reply).expect("a reply is made of texts, numbers and lists");
    Done {
        body: Answer::whole(body),
        content_type: JSON,
        headers: Vec::new(),
        seq,
    }
}
