//! Answers to merchants, as the document prints them (paykassma-api.md).

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::lookups::Kind;
use super::parameters::{Faults, Invalid};
use super::texts::{POSSIBLE_TRANSACTION, POSTBACK_NOT_FOUND, WITHDRAWAL_NOT_FOUND};
use crate::engine::catalogue::{Catalogue, Media, Param, PaymentSystem};
use crate::engine::rates::Units;
use crate::engine::withdrawal::Asked;
use crate::id::{WalletType, WithdrawalId};
use crate::money::{Amount, Currency, Sum};
use crate::time::{Timestamp, UtcOffset};

/// What answers of the newer kind bear where all went well.
const CODE_SUCCESS: u16 = 20_000;

/// A status and a JSON body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
}

impl Reply {
    fn of(status: u16, body: &impl Serialize) -> Reply {
        let body = serde_json::to_vec(body).expect("a reply is made of texts, numbers and lists");
        Reply { status, body }
    }

    fn with_params(params: impl Serialize) -> Reply {
        Reply::of(
            200,
            &Okay {
                status: "ok",
                params: Some(params),
            },
        )
    }

    /// It is done: `{"status":"ok"}`.
    pub fn ok() -> Reply {
        let body: Okay<()> = Okay {
            status: "ok",
            params: None,
        };
        Reply::of(200, &body)
    }

    /// It is not done.
    pub fn fail(status: u16, message: &str) -> Reply {
        Reply::of(
            status,
            &Fail {
                status: "fail",
                message,
            },
        )
    }

    /// It is not done, because of these fields.
    pub fn invalid(faults: &Faults) -> Reply {
        let body = Fail {
            status: "fail",
            message: faults,
        };
        Reply::of(400, &body)
    }

    /// A wrong secret, where the caller is told so (paykassma-api.md, Access).
    pub fn wrong_secret() -> Reply {
        let body = WrongSecret {
            status: "error",
            code: 30_228,
            errors: SecretFault {
                target: "secret",
                code: 36_205,
                message: "Wrong secret",
            },
            error_message: "Data validation error",
        };
        Reply::of(400, &body)
    }

    /// The payment systems of some currencies.
    pub fn available(catalogue: &Catalogue, currencies: &[Currency]) -> Reply {
        let systems = catalogue.iter();
        let wallets = systems.filter(|system| currencies.contains(&system.currency));
        Reply::with_params(AvailableParams {
            currency_data: currencies
                .iter()
                .map(|of| CurrencyData {
                    code: *of,
                    symbol: symbol(of),
                })
                .collect(),
            wallets: wallets.map(Wallet::of).collect(),
        })
    }

    /// How to pay, shown in films and pictures.
    pub fn media(catalogue: &Catalogue) -> Reply {
        Reply::of(200, &Success::new(MediaData(catalogue), None))
    }

    /// What to pay to.
    pub fn requisites(identifier: &str, system: &PaymentSystem) -> Reply {
        Reply::with_params(Requisites { identifier, system })
    }

    /// Where the payer pays.
    pub fn payment_url(url: &str) -> Reply {
        Reply::with_params(PaymentUrl { payment_url: url })
    }

    /// Nobody has paid yet.
    pub fn possible() -> Reply {
        let body = Fail {
            status: "possible_transaction_created",
            message: POSSIBLE_TRANSACTION,
        };
        Reply::of(200, &body)
    }

    /// An operator will decide.
    pub fn taken_for_an_operator() -> Reply {
        let paginate = Paginate {
            offset: 0,
            total: 1,
            limit: 1,
        };
        let nothing: [(); 0] = [];
        Reply::of(200, &Success::new(nothing, Some(paginate)))
    }

    /// What is saved up, and what of a credited deposit is missing.
    pub fn savings(saved: Amount, system: &PaymentSystem) -> Reply {
        let minimum = system.minimum_deposit;
        let lacks = if saved.is_zero() {
            Amount::ZERO
        } else {
            minimum.minus(saved).unwrap_or(Amount::ZERO)
        };
        let body = SavingsBody {
            status: "ok",
            stockpiling_sum: number(saved),
            lacks_sum: number(lacks),
            minimum_deposit: number(minimum),
        };
        Reply::of(200, &body)
    }

    /// The hashes that stand for addresses, each list in its order.
    pub fn hashed(success: &[String], fail: &[String], pending: Option<&[String]>) -> Reply {
        let urls = HashedUrls {
            success_url: Hashes(success),
            fail_url: Hashes(fail),
            pending_url: pending.map(Hashes),
        };
        Reply::of(200, &Hashed { status: "ok", urls })
    }

    /// A withdrawal was taken down. `made`: its id, where we made it.
    pub fn withdrawal(made: Option<&WithdrawalId>) -> Reply {
        match made {
            None => Reply::ok(),
            Some(id) => Reply::with_params(MadeId {
                withdrawal_id: id.as_str(),
            }),
        }
    }

    /// The same, as the older form is answered; `None` of one that was asked for in the newer.
    /// `number` tells it from every other, `at` is when it was taken down.
    pub fn old_withdrawal(
        number: u64,
        asked: &Asked,
        at: Timestamp,
        offset: UtcOffset,
    ) -> Option<Reply> {
        let sender = &asked.old_form.as_ref()?.wallet_sender;
        let email = asked.details.account_email.as_ref();
        let at = at.gateway_text(offset);
        let body = OldWithdrawal {
            id: number,
            wallet_type: asked.wallet_type,
            wallet_recipient: asked.label.as_str(),
            wallet_sender: sender.as_str(),
            email: email.map_or("", |email| email.as_str()),
            amount: self::number(asked.amount),
            status: 1,
            created_at: &at,
            updated_at: &at,
        };
        Some(Reply::of(200, &body))
    }

    /// A postback that was told: its JSON text without a signature, [`None`] where there is none.
    pub fn postback(found: Option<&str>) -> Reply {
        match found {
            Some(text) => Reply::of(
                200,
                &Found {
                    status: "ok",
                    postback: raw(text),
                },
            ),
            None => Reply::fail(404, POSTBACK_NOT_FOUND),
        }
    }

    /// The postbacks of several ids, in the order in which they were asked for.
    pub fn pulled(kind: Kind, of: &[Pulled]) -> Reply {
        let paginate = Paginate {
            offset: 0,
            total: of.len(),
            limit: of.len(),
        };
        Reply::of(200, &Success::new(PulledData(kind, of), Some(paginate)))
    }

    /// What a merchant's accounts hold.
    pub fn balances(of: &[(WalletType, Currency, Sum)]) -> Reply {
        let balances = of.iter().map(|(wallet_type, currency, balance)| Balance {
            wallet_type: *wallet_type,
            currency_code: *currency,
            amount: raw(&balance.to_string()),
        });
        let data = Balances {
            balances: balances.collect(),
        };
        Reply::of(200, &Success::new(data, None))
    }
}

impl From<&Invalid> for Reply {
    fn from(invalid: &Invalid) -> Reply {
        match invalid {
            Invalid::Request(message) => Reply::fail(400, message),
            Invalid::Fields(faults) => Reply::invalid(faults),
        }
    }
}

/// What became of one id that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// As it was asked for.
    pub id: String,
    /// What is known.
    pub of: PulledOf,
}

/// What is known under an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PulledOf {
    /// A postback: its JSON text without a signature.
    Postback(String),
    /// Something of which nothing was told yet; of deposits, or nothing at all.
    NotTold,
    /// No withdrawal.
    NoWithdrawal,
}

/// A JSON text that stands as it is.
fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).expect("what we have composed is JSON")
}

/// As PHP writes a number: without zeros at the end.
fn number(amount: Amount) -> Box<RawValue> {
    raw(&Units::from(amount).to_string())
}

/// How a currency is written before an amount; its letters where it has no sign of its own here.
fn symbol(currency: &Currency) -> &str {
    match currency.as_str() {
        "USD" => "$",
        "EUR" => "\u{20ac}",
        "GBP" => "\u{a3}",
        "INR" => "\u{20b9}",
        "BDT" => "\u{9f3}",
        "PKR" => "\u{20a8}",
        "IDR" => "Rp",
        "MYR" => "RM",
        "VND" => "\u{20ab}",
        "THB" => "\u{e3f}",
        "NGN" => "\u{20a6}",
        "TRY" => "\u{20ba}",
        "BRL" => "R$",
        _ => currency.as_str(),
    }
}

#[derive(Serialize)]
struct Okay<T> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<T>,
}

#[derive(Serialize)]
struct Fail<T> {
    status: &'static str,
    message: T,
}

#[derive(Serialize)]
struct Success<T> {
    status: &'static str,
    message: &'static str,
    code: u16,
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    paginate: Option<Paginate>,
}

impl<T> Success<T> {
    fn new(data: T, paginate: Option<Paginate>) -> Success<T> {
        Success {
            status: "success",
            message: "",
            code: CODE_SUCCESS,
            data,
            paginate,
        }
    }
}

#[derive(Serialize)]
struct Paginate {
    offset: usize,
    total: usize,
    limit: usize,
}

#[derive(Serialize)]
struct WrongSecret {
    status: &'static str,
    code: u16,
    errors: SecretFault,
    error_message: &'static str,
}

#[derive(Serialize)]
struct SecretFault {
    target: &'static str,
    code: u16,
    message: &'static str,
}

#[derive(Serialize)]
struct AvailableParams<'a> {
    currency_data: Vec<CurrencyData<'a>>,
    wallets: Vec<Wallet<'a>>,
}

#[derive(Serialize)]
struct CurrencyData<'a> {
    code: Currency,
    symbol: &'a str,
}

#[derive(Serialize)]
struct Wallet<'a> {
    #[serde(rename = "type")]
    wallet_type: WalletType,
    currency_code: Currency,
    order: u32,
    logo: &'a str,
    name: &'a str,
    is_manual: bool,
    uploading_payment_bill: bool,
    limits: Limits,
    minimum_deposit: Box<RawValue>,
    requires_activation: bool,
    amount_required: bool,
}

#[derive(Serialize)]
struct Limits {
    min: Box<RawValue>,
    max: Box<RawValue>,
}

impl Wallet<'_> {
    fn of(system: &PaymentSystem) -> Wallet<'_> {
        let (min, max) = system.limits;
        Wallet {
            wallet_type: system.wallet_type,
            currency_code: system.currency,
            order: system.order,
            logo: &system.logo,
            name: &system.name,
            is_manual: system.is_manual,
            uploading_payment_bill: system.uploading_payment_bill,
            limits: Limits {
                min: number(min),
                max: number(max),
            },
            minimum_deposit: number(system.minimum_deposit),
            requires_activation: system.requires_activation,
            amount_required: system.amount_required,
        }
    }
}

/// `{"imps":{"id":486,"url":URL},..}`: one of a name, whatever the currency.
struct MediaData<'a>(&'a Catalogue);

impl Serialize for MediaData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut told: Vec<WalletType> = Vec::new();
        let mut members = serializer.serialize_map(None)?;
        for system in self.0.iter() {
            if let Some(Media { id, url }) = &system.media
                && !told.contains(&system.wallet_type)
            {
                told.push(system.wallet_type);
                members.serialize_entry(&system.wallet_type, &Hint { id: *id, url })?;
            }
        }
        members.end()
    }
}

#[derive(Serialize)]
struct Hint<'a> {
    id: u64,
    url: &'a str,
}

/// The identifier, and what else the catalogue says of it.
struct Requisites<'a> {
    identifier: &'a str,
    system: &'a PaymentSystem,
}

impl Serialize for Requisites<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let params = &self.system.params;
        let mut members = serializer.serialize_map(Some(1 + params.len()))?;
        members.serialize_entry("identifier", self.identifier)?;
        for (name, param) in params {
            match param {
                Param::Text(text) => members.serialize_entry(name, text)?,
                Param::Number(number) => members.serialize_entry(name, number)?,
                Param::Truth(truth) => members.serialize_entry(name, truth)?,
            }
        }
        members.end()
    }
}

#[derive(Serialize)]
struct PaymentUrl<'a> {
    payment_url: &'a str,
}

#[derive(Serialize)]
struct SavingsBody {
    status: &'static str,
    stockpiling_sum: Box<RawValue>,
    lacks_sum: Box<RawValue>,
    minimum_deposit: Box<RawValue>,
}

#[derive(Serialize)]
struct Hashed<'a> {
    status: &'static str,
    urls: HashedUrls<'a>,
}

#[derive(Serialize)]
struct HashedUrls<'a> {
    success_url: Hashes<'a>,
    fail_url: Hashes<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_url: Option<Hashes<'a>>,
}

/// `[{"order":1,"url":HASH},..]`: numbered from 1, whatever the orders were.
struct Hashes<'a>(&'a [String]);

impl Serialize for Hashes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Hash<'a> {
            order: usize,
            url: &'a str,
        }
        let mut items = serializer.serialize_seq(Some(self.0.len()))?;
        for (url, order) in self.0.iter().zip(1..) {
            items.serialize_element(&Hash { order, url })?;
        }
        items.end()
    }
}

#[derive(Serialize)]
struct MadeId<'a> {
    withdrawal_id: &'a str,
}

#[derive(Serialize)]
struct OldWithdrawal<'a> {
    id: u64,
    wallet_type: WalletType,
    wallet_recipient: &'a str,
    wallet_sender: &'a str,
    email: &'a str,
    amount: Box<RawValue>,
    status: u8,
    created_at: &'a str,
    updated_at: &'a str,
}

#[derive(Serialize)]
struct Found {
    status: &'static str,
    postback: Box<RawValue>,
}

/// `{"transactions":[..]}` or `{"withdrawals":[..]}`.
struct PulledData<'a>(Kind, &'a [Pulled]);

impl Serialize for PulledData<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = match self.0 {
            Kind::Deposit => "transactions",
            Kind::Withdrawal => "withdrawals",
        };
        let items: Vec<PulledItem<'_>> = self.1.iter().map(|of| PulledItem(self.0, of)).collect();
        let mut members = serializer.serialize_map(Some(1))?;
        members.serialize_entry(name, &items)?;
        members.end()
    }
}

struct PulledItem<'a>(Kind, &'a Pulled);

impl Serialize for PulledItem<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let PulledItem(kind, pulled) = self;
        let mut members = serializer.serialize_map(Some(2))?;
        members.serialize_entry(kind.id_name(), &pulled.id)?;
        match &pulled.of {
            PulledOf::Postback(text) => members.serialize_entry("postback", &raw(text))?,
            PulledOf::NotTold => members.serialize_entry("message", POSTBACK_NOT_FOUND)?,
            PulledOf::NoWithdrawal => members.serialize_entry("message", WITHDRAWAL_NOT_FOUND)?,
        }
        members.end()
    }
}

#[derive(Serialize)]
struct Balances {
    balances: Vec<Balance>,
}

#[derive(Serialize)]
struct Balance {
    wallet_type: WalletType,
    currency_code: Currency,
    amount: Box<RawValue>,
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
