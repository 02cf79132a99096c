//! Withdrawals: found out whose they are by their signature, and taken down.

use hyper::http::request::Parts;

use super::{Told, leave, offset, replied};
use crate::engine::refusal::WithdrawalRefusal;
use crate::http::State;
use crate::http::connection::Caller;
use crate::http::reply::Reply as Response;
use crate::ledger::{Latched, PartnerRow, Unavailable, WithdrawalError};
use crate::protocol::paykassma::gateway::parameters::Faults;
use crate::protocol::paykassma::gateway::reply::Reply;
use crate::protocol::paykassma::gateway::texts::{
    BALANCE_LIMIT, INSUFFICIENT_BALANCE, SIGNATURE_USED, WITHDRAWAL_ID_USED,
};
use crate::protocol::paykassma::gateway::withdrawals::Signed;
use crate::secret::random_word;

/// Characters of the names that we give: 142 bits that nobody can guess.
const MADE_LENGTH: usize = 24;

/// Answers a request for a withdrawal, whose body was read whole.
///
/// # Errors
/// The journal failed under way: the connection must close without a byte.
pub(in crate::http) async fn withdraw(
    state: &State,
    caller: &Caller,
    head: &Parts,
    body: &[u8],
) -> Result<Response, Latched> {
    let signed = match Signed::decode(body) {
        Ok(signed) => signed,
        Err(invalid) => return Ok(replied(Reply::from(&invalid))),
    };
    let guard = &state.gateway.guard;
    let merchant = match guard.signer(state, caller.peer, &head.headers, &signed) {
        Ok(merchant) => merchant,
        Err(refusal) => return refusal.durable(state).await,
    };
    let let_in = merchant.changed;
    let told = take_down(state, &merchant, signed).unwrap_or_else(|told| told);
    leave(state, told, let_in).await
}

fn take_down(state: &State, merchant: &PartnerRow, signed: Signed) -> Result<Told, Told> {
    let offered = state.gateway.offered.load();
    let unknown = merchant.settings.unknown_members;
    let made = random_word(MADE_LENGTH).parse();
    let made = made.expect("letters and digits are a withdrawal's name");
    let found = match signed.request(&offered.catalogue, unknown, merchant.currency) {
        Ok(request) => {
            let new = request.under(signed.signature, made);
            state.ledger.create_withdrawal(merchant, &new)?
        }
        Err(invalid) => {
            // What was accepted once is answered as it was: a merchant that is told otherwise
            // gives the money back that will be paid out.
            let Some(said) = signed.said(merchant.currency) else {
                return Err(invalid.into());
            };
            let new = said.under(signed.signature, made);
            let found = state.ledger.repeated_withdrawal(merchant, &new)?;
            found.ok_or(invalid)?
        }
    };
    let withdrawal = &found.value.document;
    let old = Reply::old_withdrawal(
        found.value.created.0,
        &withdrawal.asked,
        found.value.created_at,
        offset(state, merchant),
    );
    let made = withdrawal.id_made.then_some(&withdrawal.id);
    Ok(Told {
        reply: old.unwrap_or_else(|| Reply::withdrawal(made)),
        seq: found.seq,
    })
}

impl From<WithdrawalError> for Told {
    fn from(error: WithdrawalError) -> Told {
        match error {
            WithdrawalError::Refused(refusal, seq) => Told {
                reply: refused(refusal),
                seq,
            },
            WithdrawalError::Unavailable => Told::from(Unavailable),
        }
    }
}

/// Why a withdrawal was refused. No `_` arm: a new refusal needs its answer here.
fn refused(refusal: WithdrawalRefusal) -> Reply {
    let (field, text) = match refusal {
        WithdrawalRefusal::IdUsed => ("withdrawal_id", WITHDRAWAL_ID_USED),
        WithdrawalRefusal::SignatureUsed => ("signature", SIGNATURE_USED),
        WithdrawalRefusal::InsufficientBalance => ("withdrawals_sum_amount", INSUFFICIENT_BALANCE),
        WithdrawalRefusal::BalanceOutOfRange => ("amount", BALANCE_LIMIT),
        WithdrawalRefusal::Unknown | WithdrawalRefusal::Decided(_) => {
            unreachable!("these are about decisions")
        }
    };
    Reply::invalid(&Faults::one(field, text))
}
