//! The bytes of postbacks: a merchant's keys and the present rates joined to what is told.

use super::State;
use crate::engine::deposit::{Credited, Deposit};
use crate::engine::document::Partner;
use crate::engine::postback::PostbackKind;
use crate::engine::rates::Rates;
use crate::engine::withdrawal::{Withdrawal, WithdrawalState};
use crate::id::GatewayText;
use crate::ledger::{PartnerRow, Unavailable};
use crate::money::Amount;
use crate::protocol::paykassma::gateway::postback::{
    DepositTold, Postback, Told, WithdrawalStatus, WithdrawalTold, signed,
};
use crate::protocol::paykassma::sign::PostbackKeys;
use crate::secret::SecretKey;
use crate::time::{Timestamp, UtcOffset};

/// What a merchant is told of a decided withdrawal, as
/// [`crate::ledger::Ledger::decide_on_withdrawal`] asks for it, at the rates that hold now.
///
/// # Errors
/// [`Unavailable`].
pub(super) fn of_withdrawals(
    state: &State,
) -> Result<impl Fn(&PartnerRow, &Withdrawal, Timestamp) -> String + use<'_>, Unavailable> {
    let rates = state.ledger.rates(&state.settings.rates)?.value;
    let key = &*state.admin.secret_key;
    let offset = state.settings.wording.utc_offset;
    Ok(move |partner: &PartnerRow, withdrawal: &Withdrawal, now| {
        of_withdrawal(key, &rates, offset, (partner, withdrawal, now))
    })
}

fn of_withdrawal(
    key: &SecretKey,
    rates: &Rates,
    offset: UtcOffset,
    (partner, withdrawal, now): (&PartnerRow, &Withdrawal, Timestamp),
) -> String {
    let asked = &withdrawal.asked;
    let said = |text: &Option<GatewayText>| text.as_ref().map(|text| text.as_str().to_owned());
    let (number, name) = (
        said(&asked.details.account_number),
        said(&asked.details.account_name),
    );
    let email = said(&asked.details.account_email);
    let (bank, branch) = (
        said(&asked.details.bank_code),
        said(&asked.details.branch_code),
    );
    let status = match withdrawal.state {
        WithdrawalState::Processed => WithdrawalStatus::Processed,
        WithdrawalState::Processing | WithdrawalState::Rejected => WithdrawalStatus::Rejected,
    };
    let told = WithdrawalTold {
        comment: withdrawal.comment(),
        withdrawal_id: withdrawal.id.as_str(),
        status,
        account_number: number.as_deref().unwrap_or(""),
        account_name: name.as_deref().unwrap_or(""),
        account_email: email.as_deref().unwrap_or(""),
        bank_code: bank.as_deref(),
        branch_code: branch.as_deref(),
    };
    let postback = Postback {
        wallet_type: asked.wallet_type.as_str(),
        amount: asked.amount,
        currency: asked.currency,
        label: asked.label.as_str(),
        converted: &rates.converted(asked.amount, asked.currency),
        created: now,
        offset: partner.settings.utc_offset.unwrap_or(offset),
        of: Told::Withdrawal(told),
    };
    signed_by(key, partner, &postback)
}

/// What a merchant is told of deposits that are credited, as
/// [`crate::ledger::DepositRules`] asks for it, at the rates that hold now.
///
/// # Errors
/// [`Unavailable`].
pub(super) fn of_deposits(
    state: &State,
) -> Result<impl Fn(&Credited<'_>) -> String + use<'_>, Unavailable> {
    let rates = state.ledger.rates(&state.settings.rates)?.value;
    let key = &*state.admin.secret_key;
    let offset = state.settings.wording.utc_offset;
    Ok(move |of: &Credited<'_>| {
        let last = of.deposits.last().expect("at least one is credited");
        let deposits: Vec<DepositTold<'_>> = of.deposits.iter().filter_map(told).collect();
        let postback = Postback {
            wallet_type: last.wallet_type.as_str(),
            amount: of.amount,
            currency: of.currency,
            label: last.label.as_str(),
            converted: &rates.converted(of.amount, of.currency),
            created: of.now,
            offset: of.partner.settings.utc_offset.unwrap_or(offset),
            of: Told::Deposits(&deposits),
        };
        signed_by(key, of.partner, &postback)
    })
}

fn told(deposit: &Deposit) -> Option<DepositTold<'_>> {
    let activated = deposit.activated.as_ref()?;
    Some(DepositTold {
        activated: activated.at,
        exchanger_identifier: activated.payer.as_ref().map_or("", |payer| payer.as_str()),
        comment: activated.note.as_ref().map_or("", |note| note.as_str()),
        amount: activated.amount,
        stockpiling_id: activated.stockpiling_id,
        transaction_id: deposit.key1.as_ref().map_or("", |key1| key1.as_str()),
        plugin_custom_order_id: deposit.custom_transaction_id.as_str(),
    })
}

/// What stands in a sample where names stand in a postback.
const SAMPLE: &str = "test-postback";

/// A postback that tells of nothing, as those are made that tell of something: one unit of the
/// partner's currency, and [`SAMPLE`] wherever something is named.
///
/// # Errors
/// [`Unavailable`].
pub(super) fn sample(
    state: &State,
    partner: &Partner,
    kind: PostbackKind,
    now: Timestamp,
) -> Result<String, Unavailable> {
    let rates = state.ledger.rates(&state.settings.rates)?.value;
    let amount = Amount::from_cents(100).expect("1.00 is an amount");
    let deposit = DepositTold {
        activated: now,
        exchanger_identifier: SAMPLE,
        comment: SAMPLE,
        amount,
        stockpiling_id: 0,
        transaction_id: SAMPLE,
        plugin_custom_order_id: SAMPLE,
    };
    let withdrawal = WithdrawalTold {
        comment: SAMPLE,
        withdrawal_id: SAMPLE,
        status: WithdrawalStatus::Processed,
        account_number: "",
        account_name: "",
        account_email: "",
        bank_code: None,
        branch_code: None,
    };
    let offset = state.settings.wording.utc_offset;
    let postback = Postback {
        wallet_type: SAMPLE,
        amount,
        currency: partner.currency,
        label: SAMPLE,
        converted: &rates.converted(amount, partner.currency),
        created: now,
        offset: partner.settings.utc_offset.unwrap_or(offset),
        of: match kind {
            PostbackKind::Deposit => Told::Deposits(&[deposit]),
            PostbackKind::Withdrawal => Told::Withdrawal(withdrawal),
        },
    };
    Ok(signed_by(&state.admin.secret_key, partner, &postback))
}

/// The bytes of a postback under its merchant's keys.
fn signed_by(key: &SecretKey, partner: &Partner, postback: &Postback<'_>) -> String {
    let open = |sealed| {
        key.open(sealed)
            .expect("the key that sealed it is this coffer's")
    };
    let keys = PostbackKeys {
        access_key: open(&partner.secrets.access_key),
        private_key: open(&partner.secrets.private_key),
    };
    let bytes = signed(&postback.encode(), &keys).expect("it was encoded a moment ago");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}
