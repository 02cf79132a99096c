//! UPI: the link that opens a payer's app with all filled in (partner-api.md, Payment Gateway).

use super::percent;
use crate::id::{UpiAddress, UpiName};
use crate::money::Amount;

/// The link to a payment of so many rupees; `name` is what the payer's app calls the payee.
/// `reference` comes back with the payment: letters, digits and `_`, at most 35.
pub fn link(address: &UpiAddress, name: &UpiName, amount: Amount, reference: &str) -> String {
    // Letters, digits, `.`, `-`, `_` and one `@`, which a query may hold as it is: not every app
    // undoes an escape there.
    let mut link = format!("upi://pay?pa={address}&pn=");
    percent::encode(name.as_str(), &mut link);
    link.push_str(&format!("&am={amount}&cu=INR&tr={reference}"));
    link
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_end_its_place() {
        let address = "shop.1@bank".parse().unwrap();
        let name = "A & B=C?#%+ \u{20b9}".parse().unwrap();
        let amount = Amount::from_decimal("1.5").unwrap();
        assert_eq!(
            link(&address, &name, amount, "abc_1"),
            "upi://pay?pa=shop.1@bank&pn=A%20%26%20B%3DC%3F%23%25%2B%20%E2%82%B9&am=1.50&cu=INR&tr=abc_1"
        );
    }
}
