//! Every text of the gateway, once: the document's own, and those that paykassma-api.md adds.

/// Whoever names no merchant, or calls from where that one does not.
pub const NOT_FOUND: &str = "Not found";
/// The path is right, the method is not.
pub const METHOD_NOT_ALLOWED: &str = "Method not allowed";
/// Too many wrong secrets or signatures from one address.
pub const TOO_MANY_FAILURES: &str = "Too many failed attempts";
/// A body beyond its limit.
pub const BODY_TOO_LARGE: &str = "Request body too large";
/// A query whose escapes are none.
pub const MALFORMED_QUERY: &str = "The query is malformed.";
/// A body that is no multipart/form-data.
pub const MALFORMED_FORM: &str = "The body must be multipart/form-data.";
/// A payment system's name in a path that names none.
pub const SYSTEM_UNKNOWN: &str = "Payment system not found";
/// A request that no merchant's key has signed.
pub const WRONG_SIGNATURE: &str = "Wrong signature";
/// Nothing was done, and nothing will be.
pub const UNAVAILABLE: &str = "Temporarily unavailable. Please try again.";
/// `key1` of a length that the payment system's numbers do not have.
pub const WRONG_LENGTH: &str = "Transaction field has wrong length";
/// `key1` of characters that the payment system's numbers do not have.
pub const WRONG_CHARACTERS: &str = "Transaction field has wrong characters";
/// The withdrawal's name belongs to another one.
pub const WITHDRAWAL_ID_USED: &str = "The withdrawal id has already been taken.";
/// The signature belongs to another withdrawal.
pub const SIGNATURE_USED: &str = "The signature has already been used.";
/// The merchant's account would pass its limit.
pub const BALANCE_LIMIT: &str = "The amount passes the limit of the balance.";
/// The hash that leads nowhere any more.
pub const HASH_EXPIRED: &str = "Expired";
/// Nobody has paid yet.
pub const POSSIBLE_TRANSACTION: &str = "Transaction not found. Possible transaction created";
/// More was to be withdrawn than there is.
pub const INSUFFICIENT_BALANCE: &str = "Insufficient balance";
/// Nothing was told under this id.
pub const POSTBACK_NOT_FOUND: &str = "Postback not found";
/// No withdrawal has this id.
pub const WITHDRAWAL_NOT_FOUND: &str = "Withdrawal with this ID not found";
