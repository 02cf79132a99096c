//! Deposits among the claimants of received payments: what a payment comes to that a deposit asks
//! for, and what that does to both (paykassma-api.md, Deposits; operations.md, Received payments).

use super::deposit::{Deposit, DepositSeen, DepositState};
use super::document::{Claimant, PaymentState, ReceivedPayment, WaitReason};
use super::gateway::GatewayDocument;
use super::order::{Desk, Finding, OrderRow, Seen, Settlement};
use super::till::Got;

impl<'a> Desk<'a> {
    /// The deposit that asks for a payment, unless an operator has said no.
    fn deposit_of(&self, payment: &ReceivedPayment) -> Option<&'a Deposit> {
        let asks = |of: &&Deposit| of.names(payment) && of.state != DepositState::Rejected;
        self.deposits.iter().find(asks)
    }

    /// What a payment comes to.
    pub(super) fn find(&self, payment: &ReceivedPayment) -> Finding<'a> {
        let Some(deposit) = self.deposit_of(payment) else {
            return self.find_order(payment);
        };
        if deposit.seen(self.now) == DepositSeen::Expired {
            return match self.find_order(payment) {
                Finding::Nobody => Finding::Waits(WaitReason::DepositExpired),
                found => found,
            };
        }
        let word_given = deposit.lacks_payment();
        let said = deposit.activated.as_ref().filter(|_| word_given);
        let amount = said.map(|of| of.amount).or(deposit.amount);
        let currency = said.map_or(deposit.currency, |of| of.currency);
        // What waits is an operator's to give: whoever names it next may be whom it waits for.
        let is_held = matches!(payment.state, PaymentState::Waiting(_));
        let reason = match deposit.state {
            _ if is_held || self.order_waits(payment) => Some(WaitReason::OrderToo),
            _ if payment.suspicious && !word_given => Some(WaitReason::Suspicious),
            DepositState::Waiting(reason) if !word_given => Some(reason),
            _ if payment.currency != currency => Some(WaitReason::DepositCurrency),
            _ if amount.is_some_and(|said| said != payment.amount) => {
                Some(WaitReason::DepositAmount)
            }
            _ => None,
        };
        reason.map_or(Finding::Brings(deposit), Finding::Waits)
    }

    /// Whether an order could still get the payment, were it not for its deposit.
    fn order_waits(&self, payment: &ReceivedPayment) -> bool {
        let named = |row: &OrderRow| {
            let order = &row.order;
            order.claimed().as_ref() == Some(&payment.reference)
        };
        let waits = |row: &OrderRow| match row.order.seen(self.now).0 {
            Seen::Pending => true,
            Seen::Success => row.order.payment.is_none(),
            Seen::Failed | Seen::Expired | Seen::Cancelled => false,
        };
        let settles = self.rules.wallet_types.contains(&payment.wallet_type);
        settles && self.claimants.iter().any(|row| named(row) && waits(row))
    }

    /// The payment waits, and with it the deposit that asks for it.
    pub(super) fn wait(&self, mut payment: ReceivedPayment, reason: WaitReason) -> Settlement {
        let deposit = self.deposit_of(&payment);
        let waiting = deposit.filter(|of| of.seen(self.now) == DepositSeen::Possible);
        let waiting = waiting.map(|deposit| Deposit {
            state: DepositState::Waiting(reason),
            ..deposit.clone()
        });
        payment.state = PaymentState::Waiting(reason);
        Settlement {
            gateway: waiting.into_iter().map(GatewayDocument::from).collect(),
            ..Settlement::without(payment)
        }
    }

    /// The payment is the deposit's, which it activates, unless an operator's word has done so.
    pub(super) fn bring(&self, deposit: &Deposit, payment: ReceivedPayment) -> Settlement {
        if let Some(word) = deposit.by_word() {
            return Settlement {
                gateway: vec![deposit.brought_by(&payment, word).into()],
                ..Settlement::without(Settlement::given(&payment, deposit))
            };
        }
        let till = self.till;
        let till = till.expect("a payment is judged with what its deposit takes");
        let got = Got {
            amount: payment.amount,
            currency: payment.currency,
            payment: Some(&payment),
        };
        match till.activate(deposit, &got, self.now) {
            Ok((postings, gateway)) => Settlement {
                postings,
                gateway,
                ..Settlement::without(Settlement::given(&payment, deposit))
            },
            Err(_) => self.wait(payment, WaitReason::MerchantFull),
        }
    }
}

impl Settlement {
    /// The payment as it is from then on, once it is a deposit's.
    pub(super) fn given(payment: &ReceivedPayment, deposit: &Deposit) -> ReceivedPayment {
        let whose = Claimant::Deposit(deposit.reference.clone());
        ReceivedPayment {
            state: PaymentState::Matched(whose),
            ..payment.clone()
        }
    }

    /// Whether a deposit is among what changes.
    pub(super) fn speaks_of(&self, deposit: &Deposit) -> bool {
        self.gateway.iter().any(|document| match document {
            GatewayDocument::Deposit(of) => of.reference == deposit.reference,
            _ => false,
        })
    }
}
