//! `payment/create/{payment_system}` (paykassma-api.md, Deposits): a deposit that is paid on a page
//! of ours.

use super::deposits::{CHARACTERS_MAX, CUSTOM_ID_MAX, selected, within_limits};
use super::parameters::{Invalid, Reader};
use crate::engine::catalogue::PaymentSystem;
use crate::id::{GatewayText, Label, Lang, WebAddress};
use crate::money::{Amount, Currency};
use crate::protocol::paykassma::value::Members;

/// Characters of an address that a payer is led to, at most.
const URL_MAX: usize = 2000;

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedPayment<'a> {
    /// What the payer reads. There are pages in English; who asks for another language gets those.
    pub language: Lang,
    /// What is paid through.
    pub system: &'a PaymentSystem,
    /// The bank that the payer pays through.
    pub bank: GatewayText,
    /// How much.
    pub amount: Amount,
    /// Who pays.
    pub label: Label,
    /// Where the payer is led in the end.
    pub redirect_url: WebAddress,
    /// The merchant's own name for it. It may only be missing where one was left for the label.
    pub custom_transaction_id: Option<GatewayText>,
}

impl<'a> HostedPayment<'a> {
    /// Reads the parameters; `systems` are those of the path's name, one for each currency.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn decode(
        members: &Members,
        systems: &[&'a PaymentSystem],
    ) -> Result<HostedPayment<'a>, Invalid> {
        let mut reader = Reader::new(members);
        let language = language(&mut reader);
        let currency = reader.currency("currency");
        let system = currency.and_then(|currency| of_currency(&mut reader, systems, currency));
        let bank = reader.parsed("bank", CHARACTERS_MAX);
        let amount = reader.amount("amount");
        let amount = within_limits(&mut reader, system, amount);
        let label = reader.parsed("label", CHARACTERS_MAX);
        let redirect_url = redirect_url(&mut reader);
        let custom_transaction_id = reader.optional("custom_transaction_id", CUSTOM_ID_MAX);
        let read = language.zip(system).zip(bank).zip(amount);
        let read = read.zip(label.zip(redirect_url));
        let read = read.map(
            |((((language, system), bank), amount), (label, redirect_url))| HostedPayment {
                language,
                system,
                bank,
                amount,
                label,
                redirect_url,
                custom_transaction_id,
            },
        );
        reader.end(read)
    }
}

fn language(reader: &mut Reader<'_>) -> Option<Lang> {
    let name = "language";
    let read = reader.text(name, CHARACTERS_MAX)?.parse().ok();
    if read.is_none() {
        reader.wrong(name, "must be 2 small letters.");
    }
    read
}

fn of_currency<'a>(
    reader: &mut Reader<'_>,
    systems: &[&'a PaymentSystem],
    currency: Currency,
) -> Option<&'a PaymentSystem> {
    let mut systems = systems.iter();
    let system = systems.find(|system| system.currency == currency);
    if system.is_none() {
        selected(reader, "currency");
    }
    system.copied()
}

fn redirect_url(reader: &mut Reader<'_>) -> Option<WebAddress> {
    let name = "redirect_url";
    let read = reader.text(name, URL_MAX)?.parse().ok();
    if read.is_none() {
        reader.wrong(name, "must be an http or https address.");
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::protocol::paykassma::gateway::reply::Reply;
    use crate::protocol::paykassma::value;

    const SAMPLE: &str = r#"{"language":"en","currency":"BDT","bank":"MBB","amount":1000.00,"label":"55","redirect_url":"https:\/\/google.com","custom_transaction_id":"123465477897"}"#;

    fn told(body: &str) -> Result<(), String> {
        let catalogue = Config::default().paykassma.catalogue;
        let systems: Vec<&PaymentSystem> = catalogue.of_type("nagad").collect();
        let members = value::decode(body.as_bytes()).unwrap();
        let read = HostedPayment::decode(&members, &systems);
        let read = read.map_err(|invalid| {
            let body = String::from_utf8(Reply::from(&invalid).body).unwrap();
            let message = body.strip_prefix(r#"{"status":"fail","message":"#).unwrap();
            message.strip_suffix('}').unwrap().to_owned()
        })?;
        assert_eq!(read.redirect_url.as_str(), "https://google.com");
        assert_eq!(read.amount.cents(), 100_000);
        Ok(())
    }

    #[test]
    fn the_documents_sample_is_taken_and_each_field_is_looked_at() {
        assert_eq!(told(SAMPLE), Ok(()));
        let older = SAMPLE.replace("1000.00", "\"1000\"");
        assert_eq!(told(&older), Ok(()));
        for (from, to, due) in [
            (
                "\"en\"",
                "\"EN\"",
                r#"{"language":["The language must be 2 small letters."]}"#,
            ),
            (
                "BDT",
                "INR",
                r#"{"currency":["The selected currency is invalid."]}"#,
            ),
            (
                "\"MBB\"",
                "\"\"",
                r#"{"bank":["The bank field is required."]}"#,
            ),
            (
                "1000.00",
                "50000.01",
                r#"{"amount":["The amount must be between 1.00 and 50000.00."]}"#,
            ),
            (
                "https:",
                "javascript:",
                r#"{"redirect_url":["The redirect url must be an http or https address."]}"#,
            ),
            (
                "123465477897",
                &"1".repeat(65),
                r#"{"custom_transaction_id":["The custom transaction id must not be greater than 64 characters."]}"#,
            ),
        ] {
            let body = SAMPLE.replacen(from, to, 1);
            assert_eq!(told(&body), Err(due.to_owned()), "{body}");
        }
        let all = told("{}").unwrap_err();
        for name in [
            "language",
            "currency",
            "bank",
            "amount",
            "label",
            "redirect url",
        ] {
            let required = format!("The {name} field is required.");
            assert!(all.contains(&required), "{all}");
        }
    }
}
